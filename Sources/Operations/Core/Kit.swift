package import BlockStore
package import Catalog
package import Multiformats
internal import POSIX
internal import Replication
package import Schema
package import Storage
internal import Synchronization

/// One kit home with what is open of it.
///
/// Parts are opened when they are first needed.
package final class Kit: Sendable {
    /// The version of the program.
    package static let version = "0.1.0"

    package let home: KitHome
    package let timing: Timing
    /// The value of an environment variable.
    let environment: @Sendable (String) -> String?
    /// What all operations that use a backend keep within together.
    let callLimits = CallLimitsRegistry()
    /// The backends that are open.
    let openings: Openings
    /// Where everything is told that happens.
    package let events: EventBus
    private let parts = Mutex(Parts())

    private struct Parts {
        var catalog: Catalog?
        var store: BlockStore?
        var configuration: MainConfiguration?
        /// What they were made from, by its path and by what tells one file of that name from another.
        var seen: [String: String] = [:]
    }

    /// A kit over `home`; nothing is opened or made yet.
    package init(
        home: KitHome,
        timing: Timing = Timing(now: currentMilliseconds),
        environment: @escaping @Sendable (String) -> String? = { POSIX.environment($0) }
    ) {
        self.home = home
        self.timing = timing
        self.environment = environment
        openings = Openings(timing: timing)
        events = EventBus(timing: timing, log: EventLog(of: home))
        Redactor.shared.learnProxies(environment)
    }

    /// Ends what backends keep open, such as sessions; they can be used again afterwards.
    package func close() async { await openings.close() }

    /// Who looks, for evidence.
    package var observer: String { "\(hostName) ipfs-kit/\(Self.version)" }

    /// The time now.
    package var now: Timestamp { Timestamp(milliseconds: timing.now()) }

    /// The catalog; throws where `init` has not been run, and where the catalog is not the one of the store.
    package func catalog() throws(KitError) -> Catalog {
        try requireHome()
        return try parts.withLock { (parts) throws(KitError) in
            if let catalog = parts.catalog, isStill(home.catalog, in: &parts) { return catalog }
            let catalog = try openCatalog()
            _ = isStill(home.catalog, in: &parts)
            parts.catalog = catalog
            try check(&parts)
            return catalog
        }
    }

    /// The block store; throws where `init` has not been run, and where it is another one than the catalog knows.
    ///
    /// A command that needs no catalog can read it also where the catalog is lost.
    package func store() throws(KitError) -> BlockStore {
        try requireHome()
        return try parts.withLock { (parts) throws(KitError) in
            if let store = parts.store, isStill(home.store, in: &parts) { return store }
            _ = isStill(home.store, in: &parts)
            do throws(StoreError) {
                parts.store = try BlockStore(folder: home.store)
            } catch {
                throw KitError(error)
            }
            try check(&parts)
            guard let store = parts.store else { throw KitError(.other, "The store is not open.") }
            return store
        }
    }

    /// Whether what has a name is what had it when it was looked at last: a home may be put back while a process lives.
    private func isStill(_ path: String, in parts: inout Parts) -> Bool {
        let now = (try? fileInfo(path, follow: true)).map { "\($0.identity)" }
        defer { parts.seen[path] = now }
        return now != nil && parts.seen[path] == now
    }

    /// The catalog, whatever the store or others say of it.
    func uncheckedCatalog() throws(KitError) -> Catalog {
        try requireHome()
        return try openCatalog()
    }

    private func openCatalog() throws(KitError) -> Catalog {
        try home.refuseSharedFileSystem()
        home.close()
        do throws(CatalogError) {
            let catalog = try Catalog(path: home.catalog, now: timing.now)
            let folder = home.store
            catalog.onPinsChanged { known in
                // One that is lost is made anew by nobody but the owner: an old catalog would be believed.
                guard let name = known.catalog, (try? BlockStore.owner(ofStoreIn: folder))?.name == name else { return }
                try? BlockStore.note(Pairing.owner(name, known), ofStoreIn: folder)
            }
            catalog.onEvents { [weak events] in
                let mark = EventBus.Mark.current
                return { events?.tell($0.map(Event.init), in: mark) }
            }
            return catalog
        } catch {
            if error.code == .missing, try home.hasContent() { throw KitError.lostCatalog(home) }
            if error.code == .missing { throw KitError(.other, error.message, hint: Hint(Initialise.self)) }
            throw KitError(error)
        }
    }

    /// Makes sure that catalog and store belong together, and that neither is older than the other knows.
    private func check(_ parts: inout Parts) throws(KitError) {
        guard let catalog = parts.catalog else { return }
        do {
            try Pairing(home: home, catalog: catalog, store: parts.store).check()
        } catch {
            parts.catalog = nil
            throw error
        }
    }

    /// Makes the home; one that is there is left as it is.
    ///
    /// A catalog that is lost beside a store with content is made anew only if that is asked for: what was pinned is
    /// not known any more.
    /// - Returns: where the old catalog is, if it was replaced, and the folders that were missing.
    @discardableResult
    package func initialise(
        newCatalog: Bool = false,
        isDryRun: Bool = false
    ) async throws(KitError) -> (replaced: String?, made: [String]) {
        try home.refuseForeignFolder()
        let made = isDryRun ? try home.missing() : try home.make()
        do {
            let replaced = newCatalog ? try await setCatalogAside(isDryRun: isDryRun) : nil
            if !newCatalog, try !fileExists(home.catalog) || !Catalog.hasTables(at: home.catalog), try home.hasContent()
            {
                throw KitError.lostCatalog(home)
            }
            guard !isDryRun else { return (replaced, made) }
            let catalog = try Catalog.make(at: home.catalog, now: timing.now)
            home.close()
            if newCatalog { try Pairing(home: home, catalog: catalog, store: nil).begin() }
            return (replaced, made)
        } catch {
            throw KitError(any: error)
        }
    }

    /// Makes room for a new catalog; one that is sound and the store's own stays.
    private func setCatalogAside(isDryRun: Bool) async throws -> String? {
        guard try fileExists(home.catalog) else { return nil }
        do {
            guard try Catalog.hasTables(at: home.catalog) else { return nil }
            let catalog = try Catalog(path: home.catalog, now: timing.now)
            try await catalog.check()
            try Pairing(home: home, catalog: catalog, store: try BlockStore(folder: home.store)).check()
        } catch {
            let error = KitError(any: error)
            guard error.code == .refused || error.code == .verification else { throw error }
            return isDryRun ? nil : try Catalog.setAside(home.catalog, at: timing.now())
        }
        throw KitError(
            .refused,
            "The catalog \(home.catalog) is sound, and that of the store beside it: it stays.",
            hint: Hint(Status.self)
        )
    }

    /// What this home is among all that its kit has.
    package func identity() async throws(KitError) -> Catalog.Identity {
        let catalog = try catalog()
        do throws(CatalogError) {
            return try await catalog.identity()
        } catch {
            throw KitError(error)
        }
    }

    /// What is said of a home that has just turned out to be another one.
    static func copied(_ identity: Catalog.Identity) -> String {
        "This home is a copy of another one, or was moved to another disk: it is the home \(identity.instance) of the kit "
            + "\(identity.kit) from now on. If the other one is gone for good, say so with `ipfs-kit backend peers forget`."
    }

    /// How new the store is, whose blocks were looked at in that epoch of its losses.
    ///
    /// The epoch is asked for before they are: what was lost meanwhile is of another one, and makes nothing whole.
    package func storeState(lookedAtIn epoch: UInt64) async throws(KitError) -> StoreState {
        let store = try store()
        do throws(StoreError) {
            // Others may have published since, and not waited for the disk yet; the catalog must not know of more than
            // lasts.
            let generation = try await store.generation()
            try await store.makeLasting()
            return StoreState(generation: generation, epoch: epoch)
        } catch {
            throw KitError(error)
        }
    }

    /// What the home's own configuration says.
    func configuration() throws(KitError) -> MainConfiguration {
        try requireHome()
        return try parts.withLock { (parts) throws(KitError) in
            guard let configuration = parts.configuration else {
                throw KitError(.other, "The configuration is not read.")
            }
            return configuration
        }
    }

    private func requireHome() throws(KitError) {
        guard try home.exists() else {
            throw KitError.noHome(home)
        }
        try parts.withLock { (parts) throws(KitError) in
            // People write it while the process lives.
            let version = (try? fileInfo(home.mainConfiguration, follow: true))?.version
            guard parts.configuration == nil || parts.seen[home.mainConfiguration] != version else { return }
            parts.configuration = try MainConfiguration.read(home.mainConfiguration)
            parts.seen[home.mainConfiguration] = version
        }
    }
}

/// Reads a CID as people write it: with or without `/ipfs/` in front.
package func parseCID(_ text: String) throws(KitError) -> CID {
    do throws(FormatProblem) {
        return try CID(userText: text)
    } catch {
        throw KitError(error, in: text)
    }
}
