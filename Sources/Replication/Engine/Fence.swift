package import Catalog
internal import Multiformats
internal import POSIX
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
    /// Who sees the copies on account of which others go; where there is nobody, none goes for that.
    let witnesses: Witnesses?

    package init(
        catalog: Catalog,
        lease: Lease,
        announcement: Announcement = Announcement(),
        witnesses: Witnesses? = nil
    ) {
        self.witnesses = witnesses
        self.catalog = catalog
        self.lease = lease
        self.announcement = announcement
    }

    /// So old a look may be that admits a change, in milliseconds.
    private static let freshness: Int64 = 1000

    package func admit(_ change: Change) async throws(StorageError) {
        guard let removal = try await removal(change), case .surplus(let minimum, let others, _) = removal.reason else {
            return
        }
        guard let witnesses else {
            throw StorageError(.superseded, "\(removal.root) stays, for nobody sees its other replicas.")
        }
        // The first look reads, and this process may be stopped: then the others are looked at, and the catalog is
        // asked, once more. Where each look takes long there is no end to that, so it has one.
        for _ in 0..<4 {
            let start = runningMilliseconds()
            try await witnesses.expect(minimum, of: others, toHave: removal.root, besides: lease.backend)
            _ = try await self.removal(change)
            if runningMilliseconds() - start <= Self.freshness { return }
        }
    }

    /// Throws where a change is not right any more; gives what is to be removed by it, and why.
    private func removal(_ change: Change) async throws(StorageError) -> (root: CID, reason: Removal)? {
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
                guard let removal = try await catalog.removal(of: name.text, under: lease) else {
                    throw CatalogError(.fenced, "\(name) is wanted again, or was not to be removed, so it stays.")
                }
                return removal
            case .put, .delete, .clear:
                try await catalog.check(lease)
                return nil
            }
        } catch {
            throw StorageError(.superseded, error.message, backend: lease.backend, cause: error)
        }
    }
}
