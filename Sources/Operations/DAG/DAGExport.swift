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
        Field("output", \.output, help: "The file to write; standard output where it is not given."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let cid = try parseCID(root)
        let store = try kit.store()
        return try await kitErrors {
            let layout = try await DAGLayout(of: cid, in: store)
            kit.session.progress.began("export", bytes: layout.length)
            defer { kit.session.progress.ended() }
            let target = output.map { temporaryName(beside: absolutePath($0)) }
            let file = try target.map { try File($0, .createNew, permissions: 0o644) }
            do {
                var position: UInt64 = 0
                for try await chunk in layout.body(from: store).open() {
                    if let file {
                        let offset = position
                        try await BlockingThreads.shared.run { () throws(FileError) in
                            try file.write(chunk, at: offset)
                        }
                    } else {
                        try kit.session.write(chunk)
                    }
                    position += UInt64(chunk.count)
                    kit.session.progress.bytes(UInt64(chunk.count))
                }
                if let target, let output, let file {
                    try file.syncData()
                    try renameFile(target, to: absolutePath(output))
                }
            } catch {
                if let target { try? removeFile(target) }
                throw error
            }
            return Output(cid: cid, path: output, blocks: layout.blockCount, bytes: layout.length)
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
