internal import BlockStore
internal import IPLD
internal import Multiformats
package import Schema
internal import Storage

/// Writes the bytes of a block to standard output.
package struct BlockGet: Operation {
    package static let name = "block get"
    package static let summary = "Write the bytes of a block, as they are stored."

    package var cid = ""
    package var output: String?
    package var from: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cid", \.cid, help: "The CID of the block.", as: .cid, required: true, positional: true),
        .newFile(\.output),
        .source(\.from),
    ]

    package func run(in call: Call) async throws(KitError) -> NoOutput {
        let root = try parseCID(cid)
        let reader = try await ContentReader(call, from: from, below: root, progress: .silent)
        return try await kitErrors {
            let block = try await reader.block(root)
            try await NewFile.made(output, call, help: Hint(BlockGet.self, ["cid": cid, "output": nil])) { file in
                try await file.append([block.bytes[...]])
                return []
            }
            return NoOutput()
        }
    }
}

extension Kit {
    /// Reads a block of the store.
    func block(_ cid: CID) async throws(KitError) -> Block {
        let store = try store()
        do throws(StoreError) {
            return try await store.get(cid)
        } catch {
            throw KitError(error)
        }
    }
}
