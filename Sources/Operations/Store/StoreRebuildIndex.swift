internal import BlockStore
internal import Catalog
package import Schema
internal import Storage

/// Makes the index of the store again.
package struct StoreRebuildIndex: Operation {
    package static let name = "store rebuild-index"
    package static let summary = "Make the index of the store again from its packs alone, each block checked."
    package static let changes = true

    package init() {}

    package static let fields: [Field<Self>] = []

    package func run(in kit: Kit) async throws(KitError) -> StoreStat.Output {
        let store = try kit.store()
        // It depends on nothing that it repairs; what the catalog knows of the store, where there is one, is heeded.
        let expected = try? kit.catalog().ownState()
        return try await kitErrors {
            let progress = kit.session.progress
            progress.began("rebuild", bytes: try await store.packFiles().bytes)
            defer { progress.ended() }
            try await store.rebuild(identity: expected?.store, atLeast: expected?.storeGeneration ?? 0) {
                progress.bytes($0)
            }
            return try await StoreStat.Output(store)
        }
    }
}
