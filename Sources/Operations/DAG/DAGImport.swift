internal import BlockStore
internal import Catalog
internal import IPLD
internal import Multiformats
internal import POSIX
internal import Replication
package import Schema
internal import Storage

/// Brings the blocks of CARs into the store.
package struct DAGImport: Operation {
    package static let name = "dag import"
    package static let summary = "Bring the blocks of CARs into the store, each checked, and pin their roots."
    package static let changes = true

    package var files: [String] = []
    package var pinRoots = true
    package var form = ArchiveForm()

    package init() {}

    package static let fields: [Field<Self>] =
        [
            Field("files", \.files, help: "CAR files; - is standard input.", required: true, positional: true),
            Field("pin_roots", \.pinRoots, help: "Pin the roots; each must be whole."),
        ] + ArchiveForm.fields.map { $0.of(\Self.form) }

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let store = try kit.store()
        let catalog = try kit.catalog()
        return try await kitErrors {
            kit.session.progress.began("import")
            defer { kit.session.progress.ended() }
            let (roots, blocks) = try await store.protecting { try await take(store, catalog, kit) }
            return Output(roots: roots, blocks: blocks, pinned: pinRoots)
        }
    }

    /// Brings all files in and pins what they name.
    private func take(_ store: BlockStore, _ catalog: Catalog, _ kit: Kit) async throws -> ([CID], UInt64) {
        var roots: [CID] = []
        var blocks: UInt64 = 0
        for path in files {
            // One transaction for each file: a damaged one leaves nothing behind.
            let scan = form.scan(try await Input(path, kit, for: .content))
            let (found, count) = try await store.ingest { try await Self.take(path, scan, $0, kit) }
            roots += found
            blocks += count
        }
        if pinRoots {
            for root in roots { _ = try await DAGLayout(of: root, in: store) }
            try await catalog.addPins(roots.map { Pin(cid: $0, createdAt: kit.now) }, reason: "dag import")
        }
        return (roots, blocks)
    }

    /// Reads, checks and writes one file.
    private static func take(
        _ path: String,
        _ scan: ArchiveScan,
        _ ingest: Ingest,
        _ kit: Kit
    ) async throws -> ([CID], UInt64) {
        var roots: [CID] = []
        var count: UInt64 = 0
        var last: CID?
        try await scan.read(verifies: true) { piece in
            // The empty identity CID stands where an archive, such as a shard, has no root.
            roots += piece.header?.roots.filter { $0.inlineContent != [] } ?? []
            if let (index, problem) = piece.firstProblem() {
                throw refusal(of: path, problem, after: index > 0 ? piece.sections[index - 1].cid : last)
            }
            if let damage = piece.damages.first {
                let before = piece.sections.last { $0.offset < damage.offset }
                throw refusal(of: path, damage.problem, after: before?.cid ?? last)
            }
            last = piece.sections.last?.cid ?? last
            try await ingest.write(piece.sections)
            count += UInt64(piece.sections.count)
            kit.session.progress.bytes(piece.length)
        }
        return (roots, count)
    }

    private static func refusal(of path: String, _ problem: DecodingProblem, after last: CID?) -> KitError {
        let last = last.map { " The last good block is \($0)." } ?? ""
        return KitError(
            problem.code == .unsupported ? .refused : .verification,
            "\(path) was not imported: \(problem)\(last)",
            cid: problem.cid
        )
    }

    /// What was brought in.
    package struct Output: OperationOutput {
        let roots: [CID]
        let blocks: UInt64
        let pinned: Bool

        package var json: JSON {
            ["roots": .array(roots.map { .text($0) }), "blocks": .count(blocks), "pinned": .bool(pinned)]
        }
        package var report: Report {
            Report([
                .line("Imported \(blocks) blocks."),
                .facts(roots.map { .init(pinned ? "pinned" : "root", $0.description) }),
            ])
        }
        package var quietLines: [String]? { roots.map(\.description) }
    }
}
