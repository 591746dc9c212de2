package import Catalog
internal import Schema
package import Storage

/// The one way to everything that changes a backend: whether the lease is still held, and what was decided still right.
///
/// It is looked at again before each try of each request, at most a second before that. A process that was stopped in
/// that second, and woken when another one is at work, sends what it had in flight, and nothing more.
package struct Fence: ChangeGate {
    let catalog: Catalog
    let lease: Lease
    let announcement: Announcement

    package init(catalog: Catalog, lease: Lease, announcement: Announcement = Announcement()) {
        self.catalog = catalog
        self.lease = lease
        self.announcement = announcement
    }

    package func admit(_ change: Change) async throws(StorageError) {
        do throws(CatalogError) {
            switch change {
            case .delete(let name) where !HomeRegister.owns(name):
                guard announcement.isFresh(catalog.time.milliseconds) else {
                    throw CatalogError(
                        .fenced,
                        "It is too long ago that this home said that it removes content, and looked who else is there: \(name) "
                            + "stays until it has looked again."
                    )
                }
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
