internal import BlockStore
package import Schema
internal import Storage

/// Says how much is in the store.
package struct StoreStat: Operation {
    package static let name = "store stat"
    package static let summary = "Say how many blocks, bytes and packs are in the store."

    package init() {}

    package static let fields: [Field<Self>] = []

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let store = try kit.store()
        return try await kitErrors { try await Output(store) }
    }

    /// The numbers.
    package struct Output: OperationOutput {
        let folder: String
        /// Nil where nobody looked.
        let blocks: UInt64?
        let bytes: UInt64?
        let packs: Int
        let packBytes: UInt64

        /// What is known where the index is not to be relied upon.
        init(packsOf store: BlockStore) async throws {
            (blocks, bytes, folder) = (nil, nil, store.folder)
            (packs, packBytes) = try await store.packFiles()
        }

        init(_ store: BlockStore) async throws {
            let totals = try await store.totals()
            (blocks, bytes) = (totals.blocks, totals.bytes)
            let packs = try await store.packs()
            self.packs = packs.count
            packBytes = packs.reduce(0) { $0 + $1.length }
            folder = store.folder
        }

        package static let outputFields: [OutputField<Self>] = [
            OutputField("path", "The folder of the store.", as: .path) { $0.folder },
            OutputField("blocks", "How many blocks it has; null where nobody looked.") { $0.blocks },
            OutputField("block_bytes", "The lengths of all blocks.", in: .bytes) { $0.bytes },
            OutputField("packs", "How many packs it has.") { $0.packs },
            OutputField("pack_bytes", "The lengths of all packs.", in: .bytes) { $0.packBytes },
        ]
        package var report: Report {
            Report([
                .facts([
                    .init("store", folder), .init("blocks", "\(blocks ?? 0) (\(ByteCount(bytes ?? 0)))"),
                    .init("packs", "\(packs) (\(ByteCount(packBytes)))"),
                ])
            ])
        }
    }
}
