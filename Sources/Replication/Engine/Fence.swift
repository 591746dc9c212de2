package import Catalog
package import Storage

/// The one way to everything that changes a backend: whether the lease is still held, and what was decided still right, is
/// looked at again before each try of each request.
///
/// A process that was stopped, and woken when another one is at work, sends at most the request that was decided already.
package struct Fence: ChangeGate {
    let catalog: Catalog
    let lease: Lease

    package init(catalog: Catalog, lease: Lease) {
        self.catalog = catalog
        self.lease = lease
    }

    package func admit(_ change: Change) async throws(StorageError) {
        do throws(CatalogError) {
            switch change {
            case .delete(let name) where !HomeRegister.owns(name):
                guard try await catalog.mayRemove(name.text, under: lease) else {
                    throw CatalogError(.fenced, "\(name) is wanted again, or was not to be removed, so it stays.")
                }
            case .put, .delete, .clear: try await catalog.check(lease)
            }
        } catch {
            throw StorageError(.superseded, error.message, backend: lease.backend, cause: error)
        }
    }
}
