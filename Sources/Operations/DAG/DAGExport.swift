internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Writes a DAG as a CAR.
package struct DAGExport: Operation {
    package static let name = "dag export"
    package static let summary = "Write a DAG as a CAR, byte for byte what Kubo writes."
    package static let details = "Example: ipfs-kit dag export bafy… > photos.car"

    package static let writesContent = true

    package var root = ""
    package var output: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("root", \.root, help: "The CID of the root.", as: .cid, required: true, positional: true),
        .newFile(\.output),
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let cid = try parseCID(root)
        let help = Hint(DAGExport.self, ["root": root, "output": "\(root).car"])
        try call.checkTerminal(output, "An archive", help: help)
        let source = try await call.sources().all
        return try await kitErrors {
            let packed = try await source.pack(cid, by: kit.packing, holding: 0)
            let layout = packed.layout
            call.progress.began("export", bytes: layout.length)
            defer { call.progress.ended() }
            try await Self.write(packed, to: output ?? "-", call)
            let path = output == "-" ? nil : output
            return Output(cid: cid, path: path, blocks: layout.blockCount, bytes: layout.length)
        }
    }

    /// Writes the CAR of a DAG; what comes next is read and checked meanwhile.
    static func write(_ packed: PackedDAG, to path: String, _ call: Call) async throws {
        try await NewFile.made(path, call) { file in
            try await packed.copy { pieces in
                try await file.append(pieces.map { $0[...] })
                call.progress.bytes(pieces.reduce(0) { $0 + UInt64($1.count) })
            }
            return []
        }
    }

    /// What was written; nothing is said of it when it went to standard output.
    package struct Output: OperationOutput {
        let cid: CID
        let path: String?
        let blocks: Int
        let bytes: UInt64

        package static let outputFields: [OutputField<Self>] = [
            OutputField("cid", "The root.") { $0.cid },
            OutputField("path", "The file that was written; null where it went to the output.", as: .path) { $0.path },
            OutputField("blocks", "How many blocks were written.") { $0.blocks },
            OutputField("size_bytes", "The length of the file.", in: .bytes) { $0.bytes },
        ]
        package var isContent: Bool { path == nil }
        package var report: Report {
            path.map { Report("Wrote \(blocks) blocks (\(ByteCount(bytes))) to \($0).") } ?? Report()
        }
    }
}
