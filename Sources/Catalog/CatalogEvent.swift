package import Multiformats
internal import Synchronization

/// Something that is in the catalog from now on, told when it is on the disk.
///
/// What happens to pins and copies is told here and nowhere else: nobody hears of what was not written down. The order
/// is that of the commits.
package struct CatalogEvent: Sendable, Hashable {
    /// What it is.
    package enum Kind: String, Sendable, CaseIterable {
        case pinned, unpinned
        /// A pin got another name, metadata, or number of replicas.
        case changed
        /// What somebody saw of a root on a backend.
        case stored, verified, present, missing, damaged, withheld, removed
        /// What somebody said of it.
        case claimed
        /// An attempt to bring or to remove a root failed.
        case failed
        /// The service works on it.
        case awaited
        /// What was known of it is known no more.
        case forgotten
        /// It counts as stored no more until somebody looks: a root, or all that is known of a backend.
        case doubted
        /// Something changed that a backend has not got.
        case dirty
        /// A backend is in step.
        case synced
        /// A sync came to its end, and not everything was done.
        case unsynced
        /// This home left a snapshot.
        case snapshot
        /// Whoever was at work on a backend ended without giving it back.
        case abandoned
    }

    package let kind: Kind
    package var backend: String?
    package var cid: CID?
    /// How it was seen or done, for an observation.
    package var method: String?
    /// The length in bytes of what was seen.
    package var size: UInt64?
    /// What more there is to say.
    package var message: String?

    init(
        _ kind: Kind,
        on backend: String? = nil,
        _ cid: CID? = nil,
        method: String? = nil,
        size: UInt64? = nil,
        message: String? = nil
    ) {
        (self.kind, self.backend, self.cid) = (kind, backend, cid)
        (self.method, self.size, self.message) = (method, size, message)
    }

    /// What was seen of a root.
    init(_ seen: Observation, on backend: String) {
        let kind: Kind =
            switch seen.finding {
            case .whole: seen.wasSent ? .stored : .verified
            case .missing: .missing
            case .damaged: .damaged
            case .withheld: .withheld
            case .present: .present
            case .claimed: .claimed
            case .removed: .removed
            }
        self.init(kind, on: backend, seen.cid, method: seen.method, size: seen.size, message: seen.detail)
    }
}

extension Catalog {
    /// Has what `teller` gives in the task of a writer told of his changes, when they are on the disk and before there
    /// are others; it must be quick.
    package func onEvents(_ teller: @escaping @Sendable () -> @Sendable ([CatalogEvent]) -> Void) {
        listener.withLock { $0.teller = teller }
    }
}
