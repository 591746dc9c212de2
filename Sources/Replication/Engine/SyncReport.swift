package import Multiformats
package import Storage

/// What a sync did on one backend: nothing but what was seen.
package struct SyncReport: Sendable {
    /// A root that could not be brought to the backend, or off it.
    package struct Failure: Sendable {
        package let root: CID
        package let error: ReplicationError
    }

    package let backend: String
    /// Says that nothing was wanted, and so nothing was asked of the backend.
    package var wasClean = false
    package var uploaded = 0
    /// Roots that were found there, and, where anything can be read there, whose bytes or digests matched.
    package var adopted = 0
    /// Of these, for how many the word of the service is all there is, for it gives nothing back.
    package var claimed = 0
    /// Roots that counted as stored, were damaged or missing there, and were stored anew.
    package var replaced = 0
    package var removed = 0
    package var bytesUploaded: UInt64 = 0
    package var failures: [Failure] = []
    /// Roots that the service accepted and has not stored yet.
    package var awaited: [CID] = []
    /// Roots that count as stored, and that could not be looked at.
    var notSeen = 0
    /// Roots that were not tried because the backend could not be used any more, or the sync was to end.
    package var notTried = 0
    /// The bound at which it ended, where there was more to do.
    package var bound: SyncBudget.Bound?
    /// Why the rest was not tried.
    package var stopped: ReplicationError?
    /// Why, although content was stored, something else was not done: no snapshot was left, or nothing was removed.
    package var heldBack: ReplicationError?
    /// The snapshot that was left; nil where none was.
    package var snapshot: String?
    /// What somebody should know although it is no failure.
    package var warnings: [String] = []
    /// What was asked of the backend.
    package var calls = Meter.Counts()
    /// Says whether the backend has everything that was wanted when the sync began.
    package var isComplete: Bool { problem == nil }

    package init(backend: String) { self.backend = backend }

    /// What went wrong first, or is not done; nil where everything is.
    package var problem: ReplicationError? { stopped ?? failures.first?.error ?? heldBack ?? unfinished }

    /// What is left for the next sync: what this one was not to do any more, or the service has accepted and not done.
    package var unfinished: ReplicationError? {
        if let bound { return .ended(backend: backend, left: notTried, bound) }
        return awaited.first.map { .awaited(backend: backend, count: awaited.count, first: $0) }
    }

    /// What both runs did, one after the other.
    package func followed(by later: SyncReport) -> SyncReport {
        var sum = self
        sum.wasClean = wasClean && later.wasClean
        sum.uploaded += later.uploaded
        sum.adopted += later.adopted
        sum.claimed += later.claimed
        sum.replaced += later.replaced
        sum.removed += later.removed
        sum.bytesUploaded += later.bytesUploaded
        sum.failures += later.failures
        sum.awaited = later.wasClean ? awaited : later.awaited
        sum.notSeen += later.notSeen
        sum.notTried += later.notTried
        sum.bound = bound ?? later.bound
        sum.stopped = stopped ?? later.stopped
        sum.heldBack = heldBack ?? later.heldBack
        sum.snapshot = later.snapshot ?? snapshot
        sum.warnings += later.warnings
        sum.calls = calls + later.calls
        return sum
    }
}
