package import BlockStore
package import Catalog
package import Multiformats
internal import POSIX
package import Schema
internal import Storage
internal import Synchronization

/// One kit home with what is open of it.
///
/// Parts are opened when they are first needed.
package final class Kit: Sendable {
    /// The version of the program.
    package static let version = "0.1.0"

    package let home: KitHome
    package let session: Session
    private let parts = Mutex<(catalog: Catalog?, store: BlockStore?)>((nil, nil))

    /// A kit over `home`; nothing is opened or made yet.
    package init(home: KitHome, session: Session) {
        self.home = home
        self.session = session
    }

    /// Who looks, for evidence.
    package var observer: String { "\(hostName) ipfs-kit/\(Self.version)" }

    /// The time now.
    package var now: Timestamp { Timestamp(milliseconds: session.timing.now()) }

    /// The catalog; throws where `init` has not been run.
    package func catalog() throws(KitError) -> Catalog {
        try requireHome()
        return try parts.withLock { (parts) throws(KitError) in
            if let catalog = parts.catalog { return catalog }
            do throws(CatalogError) {
                let catalog = try Catalog(path: home.catalog, now: session.timing.now)
                parts.catalog = catalog
                return catalog
            } catch {
                throw KitError(error)
            }
        }
    }

    /// The block store; throws where `init` has not been run.
    package func store() throws(KitError) -> BlockStore {
        try requireHome()
        return try parts.withLock { (parts) throws(KitError) in
            if let store = parts.store { return store }
            do throws(StoreError) {
                let store = try BlockStore(folder: home.store)
                parts.store = store
                return store
            } catch {
                throw KitError(error)
            }
        }
    }

    /// Makes the home; one that is there is left as it is.
    package func initialise() throws(KitError) {
        try home.make()
        do throws(CatalogError) {
            _ = try Catalog(path: home.catalog)
        } catch {
            throw KitError(error)
        }
    }

    /// The identifier of this kit, made when it is first asked for.
    package func identifier() async throws(KitError) -> String {
        let fresh = String((0..<20).map { _ in "abcdefghijklmnopqrstuvwxyz234567".randomElement() ?? "a" })
        let catalog = try catalog()
        do throws(CatalogError) {
            return try await catalog.settle("kit_id", fresh)
        } catch {
            throw KitError(error)
        }
    }

    private func requireHome() throws(KitError) {
        guard home.exists else {
            throw KitError(.other, "There is no kit home at \(home.path).", hint: "ipfs-kit init")
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
