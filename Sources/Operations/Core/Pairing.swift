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
            // In this order: other processes pin meanwhile, and the store never knows of more than was in the catalog
            // before.
            owner = try BlockStore.owner(ofStoreIn: home.store)
            known = try catalog.ownState()
        } catch {
            throw KitError(any: error)
        }
        try check(owner, known)
    }

    private func check(_ owner: BlockStore.Owner?, _ known: OwnState) throws(KitError) {
        guard let name = known.catalog else { return }
        if let owner {
            guard owner.name == name || owner.name == known.formerCatalog else { throw foreign(known) }
            guard owner.mark <= known.pinsGeneration else {
                catalog.leaveOpen()
                throw outdated()
            }
            if owner.name != name { tellStore(name, known) }
        }
        guard let store else { return }
        if known.store == store.identity { store.expect(generation: known.storeGeneration) }
        do {
            if let identity = store.identity, identity != known.store {
                // A catalog that knows no store is of the time before stores had an identity, or was made just now; and
                // an empty store in the place of one that was lost has nothing that could be taken for something else.
                guard try known.store == nil || !home.hasContent() else { throw foreign(known) }
                // The note comes first: between the two, nothing is known that could be taken for something else. How
                // new another store was says nothing of this one.
                try? store.note(BlockStore.Owner(name: name, mark: known.pinsGeneration, generation: 0))
                try catalog.adopt(store: identity)
            } else if owner == nil {
                // A note that is lost beside content is not made anew by itself: an old catalog would be believed.
                guard try !home.hasContent() else { return }
                try store.note(Self.owner(name, known))
                try catalog.forgetFormerName()
            }
        } catch {
            let error = KitError(any: error)
            // A home that cannot be written to can be looked at still.
            guard error.code == .authorisation else { throw error }
        }
    }

    /// Tells the store the new name of its catalog, which turned out to be a copy; where that cannot be written, the
    /// next command does.
    private func tellStore(_ name: String, _ known: OwnState) {
        guard (try? BlockStore.note(Self.owner(name, known), ofStoreIn: home.store)) != nil else { return }
        try? catalog.forgetFormerName()
    }

    /// What a store notes of a catalog.
    static func owner(_ name: String, _ known: OwnState) -> BlockStore.Owner {
        BlockStore.Owner(name: name, mark: known.pinsGeneration, generation: known.storeGeneration)
    }

    /// Throws where the store does not know how far its catalog has come: an old one could not be told from the right
    /// one.
    func proveNewest() throws(KitError) {
        let owner: BlockStore.Owner?
        do throws(StoreError) { owner = try BlockStore.owner(ofStoreIn: home.store) } catch { throw KitError(error) }
        guard owner == nil else { return }
        throw KitError(
            .refused,
            "The file \(home.store)/owner, in which the store notes how far its catalog has come, is not there or damaged, as "
                + "after `ipfs-kit init --new-catalog`: what another catalog had pinned could be taken for garbage, so nothing is "
                + "removed. Take over what backends know with `ipfs-kit recover --from NAME`, and see what `ipfs-kit pin ls` "
                + "lists; if nothing is missing there, say so.",
            hint: Hint(CatalogAccept.self, givesUp: true)
        )
    }

    /// Makes a catalog that is new, and in which nothing is pinned, the one of the store.
    ///
    /// Where that has content, only its owner can say that nothing else of it is to be kept: until then the store does
    /// not know how far its catalog has come, and nothing is removed.
    func begin() throws(KitError) {
        do {
            let known = try catalog.ownState()
            let store = try store ?? BlockStore(folder: home.store)
            if let identity = store.identity { try catalog.adopt(store: identity) }
            if try home.hasContent() {
                try BlockStore.forgetOwner(ofStoreIn: home.store)
            } else if let name = known.catalog {
                try store.note(Self.owner(name, known))
            }
        } catch {
            throw KitError(any: error)
        }
    }

    /// Makes the catalog, on its owner's word, the one of the store; throws where it is that of another store.
    func accept() throws(KitError) {
        do {
            let known = try catalog.ownState()
            let store = try store ?? BlockStore(folder: home.store)
            guard
                try store.identity == nil || known.store == nil || known.store == store.identity || !home.hasContent(),
                let name = known.catalog
            else { throw foreign(known) }
            if let identity = store.identity { try catalog.adopt(store: identity) }
            try store.note(Self.owner(name, try catalog.ownState()))
            try catalog.forgetFormerName()
        } catch {
            throw KitError(any: error)
        }
    }

    private func foreign(_ known: OwnState) -> KitError {
        if let store = known.store, store == (try? BlockStore(folder: home.store))?.identity {
            return KitError(
                .refused,
                "The catalog \(home.catalog) is that of a copy of this home, or of the home that this is a copy of: what was "
                    + "pinned since is not in it. Put the right one back, or take this one for the right one.",
                hint: Hint(CatalogAccept.self, givesUp: true)
            )
        }
        return KitError(
            .refused,
            "The catalog \(home.catalog) is not the one of the store beside it: one of them was put there from another "
                + "home. Put the right one back; `ipfs-kit init --new-catalog` makes a new one, in which nothing is pinned.",
            hint: Hint(Initialise.self, ["new_catalog": "true"], givesUp: true)
        )
    }

    private func outdated() -> KitError {
        KitError(
            .refused,
            "The catalog \(home.catalog) is older than the store beside it knows, and pins that were acknowledged are not in it: an "
                + "old copy was put in its place, or it could not be read right, so try again. Put the newer one back, or "
                + "take this one for the right one.",
            hint: Hint(CatalogAccept.self, givesUp: true)
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
            hint: Hint(Initialise.self, ["new_catalog": "true"], givesUp: true)
        )
    }
}
