package import Catalog
internal import Multiformats
internal import POSIX
internal import Schema
package import Storage

/// The one way to everything that changes a backend: whether the lease is still held, and what was decided still right.
///
/// It is looked at again before the requests of each fifth of a second, and at most a second before one is sent. It
/// asks no backend: whoever waits for a place at one would wait for himself. A process that was stopped in that time,
/// and woken when another one is at work, sends what it had in flight, and nothing more.
package struct Fence: ChangeGate {
    let catalog: Catalog
    let lease: Lease
    let announcement: Announcement
    /// Who sees the copies on account of which others go; where there is nobody, none goes for that.
    let witnesses: Witnesses?
    /// When the lease was last seen to be held, by the clock that nobody sets, and what was admitted on that.
    private let look = Locked<(at: Int64?, admitted: Set<Change>)>((nil, []))

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

    /// So old a look at the lease may be that admits what takes nothing away, in milliseconds; with the time for which
    /// it counts then, that is a second.
    private static let lookLasts: Int64 = 200

    package func admit(_ change: Change) async throws(StorageError) {
        // Nothing that is compared or looked at here is worth what that costs.
        if case .recall = change { return try await ClosedGate().admit(change) }
        guard let removal = try await removal(change), case .surplus = removal.reason else { return }
        guard witnesses?.haveSeen(removal.root, besides: lease.backend) != true else { return }
        throw StorageError(
            .late,
            "\(removal.root) stays, for its other replicas were not seen just now.",
            retry: .never
        )
    }

    private func removal(
        of what: String,
        _ find: () async throws(CatalogError) -> (root: CID, reason: Removal)?
    ) async throws(CatalogError) -> (root: CID, reason: Removal) {
        guard announcement.isFresh(catalog.time.milliseconds) else {
            throw CatalogError(
                .fenced,
                "It is too long ago that this home said that it removes content, and looked who else is there: \(what) stays until "
                    + "it has looked again."
            )
        }
        guard let removal = try await find() else {
            throw CatalogError(.fenced, "\(what) is wanted again, or was not to be removed, so it stays.")
        }
        return removal
    }

    /// Throws where a change is not right any more; gives what is to be removed by it, and why.
    private func removal(_ change: Change) async throws(StorageError) -> (root: CID, reason: Removal)? {
        do throws(CatalogError) {
            switch change {
            case .delete(let name) where !name.isOfNote:
                return try await removal(of: name.text) { () async throws(CatalogError) in
                    try await catalog.removal(of: CARName.ofCAR(name), under: lease)
                }
            case .remove(let root):
                return try await removal(of: root.description) { () async throws(CatalogError) in
                    try await catalog.removal(of: root, under: lease).map { (root, $0) }
                }
            case .put, .delete, .clear, .store, .recall:
                let now = runningMilliseconds()
                let isAdmitted = look.change { look in
                    let isFresh = look.at.map { (0..<Self.lookLasts).contains(now - $0) } ?? false
                    // Whoever comes again tries again, or goes on after long: that is worth a look of its own.
                    return isFresh && look.admitted.insert(change).inserted
                }
                guard !isAdmitted else { return nil }
                try await catalog.check(lease)
                look.change { $0 = (now, [change]) }
                return nil
            }
        } catch {
            throw StorageError(.superseded, error.message, backend: lease.backend, cause: error)
        }
    }
}
