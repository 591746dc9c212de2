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

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("files", \.files, help: "CAR files; - is standard input.", required: true, positional: true),
        Field("pin_roots", \.pinRoots, help: "Pin the roots; each must be whole."),
    ]

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
            let (found, count) = try await store.ingest { try await Self.take(path, $0, kit) }
            roots += found
            blocks += count
        }
        if pinRoots {
            for root in roots { _ = try await DAGLayout(of: root, in: store) }
            try await catalog.addPins(roots.map { Pin(cid: $0, createdAt: kit.now) }, reason: "dag import")
        }
        return (roots, blocks)
    }

    /// Reads, checks and writes one file; the three go on side by side, a batch apart.
    private static func take(_ path: String, _ ingest: Ingest, _ kit: Kit) async throws -> ([CID], UInt64) {
        let file = path == "-" ? nil : try File(path, .read)
        @Sendable func read(_ offset: UInt64) async throws(KitError) -> [UInt8] {
            try await BlockingThreads.shared.run { () throws(KitError) in try Self.read(file, offset, kit.session) }
        }
        var archive = Archive()
        var position: UInt64 = 0
        var chunk = try await read(0)
        while !chunk.isEmpty {
            let (start, checked) = (position + UInt64(chunk.count), archive.checked)
            async let following = read(start)
            async let written: Void = ingest.write(checked)
            do throws(DecodingProblem) {
                try await archive.take(chunk)
            } catch {
                throw archive.refusal(of: path, error)
            }
            try await written
            kit.session.progress.bytes(UInt64(chunk.count))
            position = start
            chunk = try await following
        }
        do throws(DecodingProblem) {
            try archive.parser.finish()
        } catch {
            throw archive.refusal(of: path, error)
        }
        try await ingest.write(archive.checked)
        return (archive.roots, archive.count)
    }

    private static func read(_ file: File?, _ offset: UInt64, _ session: Session) throws(KitError) -> [UInt8] {
        guard let file else { return try session.read(1 << 20) }
        do throws(FileError) {
            return try file.read(at: offset, count: 4 << 20)
        } catch {
            throw KitError(error)
        }
    }

    /// How far the reading of an archive has got.
    private struct Archive {
        var parser = CARParser(verifiesBlocks: false)
        var roots: [CID] = []
        var count: UInt64 = 0
        /// The blocks of the last chunk, which are good.
        var checked: [Block] = []
        var lastGood: CID?

        /// Takes the blocks out of a chunk and checks them.
        mutating func take(_ chunk: [UInt8]) async throws(DecodingProblem) {
            parser.feed(chunk)
            checked = []
            while let event = try parser.next() {
                switch event {
                case .header(let header): roots = header.roots
                case .block(let block, _, _): checked.append(block)
                }
            }
            let (good, problem) = await Block.verify(checked)
            if good > 0 { lastGood = checked[good - 1].cid }
            count += UInt64(good)
            if let problem { throw problem }
        }

        func refusal(of path: String, _ problem: DecodingProblem) -> KitError {
            let last = lastGood.map { " The last good block is \($0)." } ?? ""
            return KitError(
                problem.code == .unsupported ? .refused : .verification,
                "\(path) was not imported: \(problem)\(last)",
                cid: problem.cid
            )
        }
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
