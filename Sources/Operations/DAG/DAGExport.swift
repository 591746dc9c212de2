internal import BlockStore
internal import Multiformats
internal import POSIX
internal import Replication
package import Schema
internal import Storage

/// Writes a DAG as a CAR.
package struct DAGExport: Operation {
    package static let name = "dag export"
    package static let summary = "Write a DAG as a CAR, byte for byte what Kubo writes."
    package static let details = "Example: ipfs-kit dag export bafy… > photos.car"

    package var root = ""
    package var output: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("root", \.root, help: "The CID of the root.", required: true, positional: true),
        Field("output", \.output, help: "The file to write; standard output by default (-o).", aliases: ["o"]),
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let cid = try parseCID(root)
        let store = try kit.store()
        return try await kitErrors {
            let layout = try await DAGLayout(of: cid, in: store)
            kit.session.progress.began("export", bytes: layout.length)
            defer { kit.session.progress.ended() }
            if let output {
                try await Self.write(layout, from: store, to: output, kit.session)
            } else {
                try await Self.copy(layout, from: store, to: nil, kit.session)
            }
            return Output(cid: cid, path: output, blocks: layout.blockCount, bytes: layout.length)
        }
    }

    /// Writes the CAR of a DAG to a file, which appears when it is whole.
    static func write(_ layout: DAGLayout, from store: BlockStore, to path: String, _ session: Session) async throws {
        let target = absolutePath(path)
        let temporary = temporaryName(beside: target)
        let file = try File(temporary, .createNew, permissions: 0o644)
        do {
            try await copy(layout, from: store, to: file, session)
            try file.syncData()
            try renameFile(temporary, to: target)
        } catch {
            try? removeFile(temporary)
            throw error
        }
    }

    /// Writes the CAR to a file, or to standard output; what comes next is read and checked meanwhile.
    private static func copy(
        _ layout: DAGLayout,
        from store: BlockStore,
        to file: File?,
        _ session: Session
    ) async throws {
        var position: UInt64 = 0
        try await layout.copy(from: store) { pieces in
            let offset = position
            if let file {
                try await BlockingThreads.shared.run { () throws(FileError) in
                    try file.write(pieces: pieces.map { $0[...] }, at: offset)
                }
            } else {
                for piece in pieces { try session.write(piece[...]) }
            }
            let count = pieces.reduce(0) { $0 + UInt64($1.count) }
            position += count
            session.progress.bytes(count)
        }
    }

    /// What was written; nothing is said of it when it went to standard output.
    package struct Output: OperationOutput {
        let cid: CID
        let path: String?
        let blocks: Int
        let bytes: UInt64

        package var json: JSON {
            guard let path else { return .null }
            return ["cid": .text(cid), "path": .string(path), "blocks": .count(blocks), "bytes": .count(bytes)]
        }
        package var report: Report {
            path.map { Report("Wrote \(blocks) blocks (\(ByteCount(bytes))) to \($0).") } ?? Report()
        }
    }
}
