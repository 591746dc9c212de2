internal import BlockStore
internal import Catalog

/// Whether a catalog and a store belong together: each knows the other, and how far it had come.
///
/// A catalog that is empty, old or of another home would have content collected that nobody gave up.
struct Pairing {
    let home: KitHome
    let catalog: Catalog
    /// nil while it is not open.
    let store: BlockStore?

    /// Throws what does not fit; notes what is not noted yet.
    func check() throws(KitError) {
        let owner: BlockStore.Owner?
        let known: OwnState
        do {
            // In this order: other processes pin meanwhile, and the store never knows of more than was in the catalog before.
            owner = try BlockStore.owner(ofStoreIn: home.store)
            known = try catalog.ownState()
        } catch {
            throw KitError(any: error)
        }
        try check(owner, known)
    }

    private func check(_ owner: BlockStore.Owner?, _ known: OwnState) throws(KitError) {
        if let owner, let name = known.catalog {
            guard owner.name == name else { throw foreign() }
            guard owner.mark <= known.pinsGeneration else { throw outdated() }
        }
        guard let store else { return }
        do {
            if let identity = store.identity, identity != known.store {
                // A catalog that knows no store is of the time before stores had an identity, or was made just now; and an
                // empty store in the place of one that was lost has nothing that could be taken for something else.
                guard try known.store == nil || !home.hasContent() else { throw foreign() }
                try catalog.adopt(store: identity)
            }
            guard owner == nil, let name = known.catalog else { return }
            try? store.note(BlockStore.Owner(name: name, mark: known.pinsGeneration))
        } catch {
            throw KitError(any: error)
        }
    }

    private func foreign() -> KitError {
        KitError(
            .refused,
            "The catalog \(home.catalog) is not the one of the store beside it: one of them was put there from another "
                + "home. Put the right one back; `ipfs-kit init --new-catalog` makes a new one, in which nothing is pinned.",
            hint: "ipfs-kit init --new-catalog"
        )
    }

    private func outdated() -> KitError {
        KitError(
            .refused,
            "The catalog \(home.catalog) is older than the store beside it knows: an old copy was put in its place, and pins "
                + "that were acknowledged are not in it. Put the newer one back, or take this one for the right one.",
            hint: "ipfs-kit catalog accept"
        )
    }
}

extension KitError {
    /// There is content, and nothing says what of it is pinned.
    static func lostCatalog(_ home: KitHome) -> KitError {
        KitError(
            .verification,
            "The catalog \(home.catalog) is not there, or nothing is in it, although the store beside it has content: it was "
                + "lost. Put a copy of it back, such as `ipfs-kit catalog backup` makes; or make a new one, and take over what a "
                + "backend knows with `ipfs-kit recover --from NAME`. Nothing is removed from the store before.",
            hint: "ipfs-kit init --new-catalog"
        )
    }
}

extension Kit {
    /// Makes a catalog the one of the store that is there.
    func takeOver(_ catalog: Catalog) async throws(KitError) {
        do {
            let store = try BlockStore(folder: home.store)
            let identity = try await catalog.identity()
            if let known = store.identity { try catalog.adopt(store: known) }
            try store.note(BlockStore.Owner(name: identity.catalog, mark: try await catalog.pinsGeneration()))
        } catch {
            throw KitError(any: error)
        }
    }
}
