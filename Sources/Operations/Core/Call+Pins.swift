internal import BlockStore
internal import Catalog
package import Multiformats
internal import Replication
internal import Storage

/// A pinned root that is not whole in the store.
package struct PinNotWhole: Sendable {
    package let root: CID
    /// Whether it was seen whole there before: then something of it was lost.
    package let wasWhole: Bool
}

extension Call {
    /// Brings content into the store, and knows what is whole there.
    func restorer(of store: BlockStore, others: (any BlockSource)? = nil) -> Restorer {
        Restorer(
            store: store,
            others: others,
            progress: progress,
            scratch: kit.home.scratch,
            timing: kit.timing,
            notice: notice
        )
    }

    /// The pinned roots that are not whole in the store, as far as the index says.
    ///
    /// Only those are looked at that were not seen whole since the store lost something last.
    package func pinsNotWhole() async throws(KitError) -> [PinNotWhole] {
        let (catalog, store) = (try kit.catalog(), try kit.store())
        return try await kitErrors {
            // What is lost from now on is of another epoch, so those pins are looked at again.
            let epoch = try await store.epoch()
            let roots = try await catalog.pinsToLookAt(in: epoch)
            guard !roots.isEmpty else { return [] }
            progress.began("status", items: roots.count)
            defer { progress.ended() }
            let restorer = restorer(of: store)
            var (whole, broken): ([CID], [PinNotWhole]) = ([], [])
            for (root, wasWhole) in roots {
                try StorageError.checkCancellation()
                if try await restorer.isWhole(root, thorough: false) {
                    whole.append(root)
                } else {
                    broken.append(PinNotWhole(root: root, wasWhole: wasWhole))
                }
                progress.items()
            }
            // A home that cannot be written to can be looked at still.
            try? await catalog.noteWhole(whole, in: epoch)
            return broken
        }
    }

    /// Those of which something was lost: where content is read from the store alone, all that are not whole there.
    package func lost(of pins: [PinNotWhole]) throws(KitError) -> [CID] {
        let isAlone = try kit.sourceNames() == ["store"]
        return pins.filter { isAlone || $0.wasWhole }.map(\.root)
    }
}
