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
            return Output(roots: roots, blocks: blocks, pinned: pinRoots)
        }
    }

    private static func take(_ path: String, _ ingest: Ingest, _ kit: Kit) async throws -> ([CID], UInt64) {
        let file = path == "-" ? nil : try File(path, .read)
        var parser = CARParser(verifiesBlocks: true)
        var roots: [CID] = []
        var count: UInt64 = 0
        var position: UInt64 = 0
        do {
            while true {
                let offset = position
                let chunk = try await BlockingThreads.shared.run { () throws(KitError) in
                    guard let file else { return try kit.session.read(1 << 20) }
                    do throws(FileError) {
                        return try file.read(at: offset, count: 4 << 20)
                    } catch {
                        throw KitError(error)
                    }
                }
                if chunk.isEmpty { break }
                position += UInt64(chunk.count)
                parser.feed(chunk)
                var blocks: [Block] = []
                while let event = try parser.next() {
                    switch event {
                    case .header(let header): roots = header.roots
                    case .block(let block, _, _): blocks.append(block)
                    }
                }
                count += UInt64(blocks.count)
                try await ingest.write(blocks)
                kit.session.progress.bytes(UInt64(chunk.count))
            }
            try parser.finish()
        } catch let problem as DecodingProblem {
            let last = parser.lastBlock.map { " The last good block is \($0)." } ?? ""
            throw KitError(
                problem.code == .unsupported ? .refused : .verification,
                "\(path) was not imported: \(problem)\(last)",
                cid: problem.cid
            )
        }
        return (roots, count)
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
