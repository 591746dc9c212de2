internal import BlockStore
internal import IPLD
internal import Multiformats
internal import POSIX
internal import Replication
package import Schema
internal import Storage

/// Packs files and directories into an archive.
package struct CARCreate: ChangingOperation {
    package static let name = "car create"
    package static let summary = "Pack files and directories into a CAR, without adding them to the store."
    package static let details = """
        The archive is the one that “add” and “dag export” make. Several paths become entries of one directory.
        Example: ipfs-kit car create photos --output photos.car
        """

    package var paths: [String] = []
    package var output = ""
    package var form = ImportForm()
    package var wrap = false
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] =
        [
            Field(
                "paths",
                \.paths,
                help: "Files and directories.",
                as: .path,
                required: true,
                positional: true,
                whole: true
            ),
            .newFile(\.output),
            Field(
                "wrap",
                \.wrap,
                help: "Put a single path into a directory, which keeps its name (-w).",
                aliases: ["w"]
            ),
            .dryRun,
        ] + ImportForm.fields.map { $0.of(\Self.form) }

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let (profile, rules) = (try form.profile(), try form.rules())
        let names = try paths.map { (path) throws(KitError) in try givenName(path) }
        let isWrapped = wrap || paths.count > 1
        if isWrapped { try checkEntries(names) }
        // Blocks come children first, and an archive has its root first: they wait in a store of their own.
        let isFile = output != "-"
        let scratch =
            try isFile && !dryRun
            ? NewPlace(output, kit).temporary : temporaryName(beside: temporaryFolder + "/ipfs-kit")
        var kept = rules
        kept.scratchName = baseName(scratch).systemBytes
        let leftOut = Locked(LeftOutList())
        let importer = Importer(
            profile: profile,
            rules: kept,
            progress: call.progress,
            boundary: kit.boundary,
            made: { _ in },
            leave: { item in leftOut.change { $0.add(item) } }
        )
        return try await kitErrors {
            var isRemoved = false
            defer { if !isRemoved { try? removeTree(scratch) } }
            let store = try BlockStore(folder: scratch)
            call.progress.began("pack")
            defer { call.progress.ended() }
            let root = try await store.ingest { ingest in
                try await withManyAtOnce {
                    try await pack(names, isWrapped, importer.writing(to: ingest, refers: false))
                }
            }
            let packed = try await StoreSource(store).pack(root)
            try await DAGExport.write(packed, to: output, call)
            var output = Output(
                isDryRun: dryRun,
                cid: root,
                path: isFile ? output : nil,
                blocks: packed.layout.blockCount,
                bytes: packed.layout.length,
                leftOut: leftOut.read { $0 }
            )
            isRemoved = true
            do throws(FileError) {
                try await BlockingThreads.shared.run { () throws(FileError) in try removeTree(scratch) }
            } catch {
                output.warnings.append("\(scratch), which is not needed any more, stays there: \(error)")
            }
            return output
        }
    }

    private func pack(_ names: [[UInt8]], _ isWrapped: Bool, _ importer: Importer) async throws -> CID {
        var entries: [(name: [UInt8], entry: DAGEntry)] = []
        for (path, name) in zip(paths, names) { entries.append((name, try await importer.add(path, name: name))) }
        return try await isWrapped ? importer.wrapped(entries).cid : entries[0].entry.cid
    }

    /// The archive that was made.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let cid: CID
        /// Nil where it went to standard output, of which nothing is said there.
        let path: String?
        let blocks: Int
        let bytes: UInt64
        let leftOut: LeftOutList
        var warnings: [String] = []

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("cid", "The root.") { $0.cid },
            OutputField("path", "The file that was written; null where it went to the output.", as: .path) { $0.path },
            OutputField("blocks", "How many blocks were written.") { $0.blocks },
            OutputField("size_bytes", "The length of the file.", in: .bytes) { $0.bytes },
            OutputField("left_out", "What was not taken, and why.") { $0.leftOut.items },
        ]
        package var isContent: Bool { path == nil && !isDryRun }
        package var report: Report {
            let verb = isDryRun ? "Would pack" : "Packed"
            let place = path ?? (isDryRun ? "standard output" : nil)
            let line = place.map { "\(verb) \(cid) into \($0): \(blocks) blocks, \(ByteCount(bytes))." }
            return Report(line.map { [.line($0)] } ?? [], warnings: leftOut.warnings + warnings)
        }
        package var quietLines: [String]? { path == nil && !isDryRun ? [] : [cid.description] }
    }
}
