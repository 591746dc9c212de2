internal import BlockStore
internal import Catalog
package import Multiformats
internal import Replication
internal import Storage

extension Kit {
    /// The pinned roots that are not whole in the store, as far as the index says.
    ///
    /// Only those are looked at that were not seen whole since the store lost something last.
    package func pinsNotWhole() async throws(KitError) -> [CID] {
        let (catalog, store) = (try catalog(), try store())
        return try await kitErrors {
            // What is lost from now on is of another epoch, so those pins are looked at again.
            let epoch = try await store.epoch()
            let roots = try await catalog.pinsToLookAt(in: epoch)
            guard !roots.isEmpty else { return [] }
            session.progress.began("status", items: roots.count)
            defer { session.progress.ended() }
            let restorer = Restorer(store: store, progress: session.progress, scratch: home.scratch)
            var (whole, broken): ([CID], [CID]) = ([], [])
            for root in roots {
                try StorageError.checkCancellation()
                if try await restorer.isWhole(root, thorough: false) { whole.append(root) } else { broken.append(root) }
                session.progress.items()
            }
            // A home that cannot be written to can be looked at still.
            try? await catalog.noteWhole(whole, in: epoch)
            return broken
        }
    }
}
