internal import IPLD
internal import Multiformats
package import Schema

/// Says how long a block is.
package struct BlockStat: Operation {
    package static let name = "block stat"
    package static let summary = "Say how many bytes a block has."

    package var cid = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cid", \.cid, help: "The CID of the block.", as: .cid, required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let block = try await kit.block(parseCID(cid))
        return Output(cid: block.cid, size: block.bytes.count)
    }

    /// The length of a block.
    package struct Output: OperationOutput {
        let cid: CID
        let size: Int

        package static let outputFields: [OutputField<Self>] = [
            OutputField("cid", "The CID of the block.") { $0.cid },
            OutputField("size_bytes", "Its length.", in: .bytes) { $0.size },
        ]
        package var report: Report {
            Report([.facts([.init("Key", cid.description), .init("Size", String(size))])])
        }
        package var quietLines: [String]? { [String(size)] }
    }
}
