internal import BlockStore
internal import IPLD
internal import Multiformats
internal import POSIX
internal import Replication
package import Schema
internal import Storage

/// Packs files and directories into an archive.
package struct CARCreate: Operation {
    package static let name = "car create"
    package static let summary = "Pack files and directories into a CAR, without adding them to the store."
    package static let details = """
        The archive is the one that “add” and “dag export” make. Several paths become entries of one directory.
        Example: ipfs-kit car create photos --output photos.car
        """
    package static let changes = true

    package var paths: [String] = []
    package var output = ""
    package var form = ImportForm()
    package var wrap = false

    package init() {}

    package static let fields: [Field<Self>] =
        [
            Field("paths", \.paths, help: "Files and directories.", required: true, positional: true),
            Field(
                "output",
                \.output,
                help: "The file to write; nothing may be there yet (-o).",
                required: true,
                aliases: ["o"]
            ),
            Field(
                "wrap",
                \.wrap,
                help: "Put a single path into a directory, which keeps its name (-w).",
                aliases: ["w"]
            ),
        ] + ImportForm.fields.map { $0.of(\Self.form) }

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let (profile, rules) = (try form.profile(), try form.rules())
        guard (try? fileInfo(output)) == nil else {
            throw KitError(.refused, "\(output) is there already.")
        }
        // Blocks come children first, and an archive has its root first: they wait in a store of their own.
        let scratch = temporaryName(beside: absolutePath(output))
        return try await kitErrors {
            defer { try? removeTree(scratch) }
            let store = try BlockStore(folder: scratch)
            kit.session.progress.began("pack")
            defer { kit.session.progress.ended() }
            let root = try await store.ingest { ingest in
                let importer = Importer(profile: profile, rules: rules, progress: kit.session.progress) {
                    try await ingest.write($0)
                } made: { _ in
                }
                return try await pack(importer)
            }
            let layout = try await DAGLayout(of: root, in: store)
            try await DAGExport.write(layout, from: store, to: output, kit.session)
            return Output(cid: root, path: output, blocks: layout.blockCount, bytes: layout.length)
        }
    }

    private func pack(_ importer: Importer) async throws -> CID {
        var entries: [(name: String, entry: DAGEntry)] = []
        for path in paths {
            let name = baseName(absolutePath(path))
            entries.append((name, try await importer.add(path, name: name)))
        }
        if entries.count == 1, !wrap { return entries[0].entry.cid }
        return try await importer.wrapped(entries).cid
    }

    /// The archive that was made.
    package struct Output: OperationOutput {
        let cid: CID
        let path: String
        let blocks: Int
        let bytes: UInt64

        package var json: JSON {
            ["cid": .text(cid), "path": .string(path), "blocks": .count(blocks), "bytes": .count(bytes)]
        }
        package var report: Report {
            Report("Packed \(cid) into \(path): \(blocks) blocks, \(ByteCount(bytes)).")
        }
        package var quietLines: [String]? { [cid.description] }
    }
}
