package import Catalog
internal import Multiformats
internal import Schema
package import Storage

/// Collects what was seen and what failed, and writes it to the catalog some at a time: a commit waits for the disk, a
/// thousand would too.
///
/// What is lost when the process is killed in between is found on the backend and adopted by the next sync.
package actor Recorder {
    /// An attempt that failed.
    struct Failure: Sendable {
        let root: CID
        let problem: String
        let mayHaveHappened: Bool
    }

    /// What the service said of work for an upload that it accepted.
    struct Promise: Sendable {
        let root: CID
        /// What to ask with; nil where it knows nothing of it.
        let ticket: String?
        /// When it is to be asked again; nil for the next sync.
        var next: Timestamp?
    }

    private let catalog: Catalog
    private let lease: Lease
    private let timing: Timing
    private var seen: [Observation] = []
    private var failures: [Failure] = []
    private var promises: [Promise] = []
    private var oldest = Duration.zero
    /// Roots of which nothing was written down, for they had changed since the look began.
    private(set) var dropped: Set<CID> = []

    private static let most = 256
    /// How long an outcome waits at most for others.
    private static let patience = Duration.milliseconds(250)

    package init(catalog: Catalog, lease: Lease, timing: Timing) {
        self.catalog = catalog
        self.lease = lease
        self.timing = timing
    }

    /// Takes what was seen, and writes what has waited long enough.
    package func add(_ observation: Observation) async throws(CatalogError) {
        begin()
        seen.append(observation)
        try await flushIfDue()
    }

    /// Takes a failure, and writes what has waited long enough.
    func add(_ failure: Failure) async throws(CatalogError) {
        begin()
        failures.append(failure)
        try await flushIfDue()
    }

    /// Takes what the service promised, and writes what has waited long enough.
    func add(_ promise: Promise) async throws(CatalogError) {
        begin()
        promises.append(promise)
        try await flushIfDue()
    }

    private func begin() { if seen.isEmpty, failures.isEmpty, promises.isEmpty { oldest = timing.uptime() } }

    private func flushIfDue() async throws(CatalogError) {
        let age = timing.uptime() - oldest
        if seen.count + failures.count + promises.count >= Self.most || age >= Self.patience { try await flush() }
    }

    /// Writes everything that is waiting; what cannot be written now waits for a later try.
    package func flush() async throws(CatalogError) {
        let (batch, failed, promised) = (seen, failures, promises)
        (seen, failures, promises) = ([], [], [])
        // What was written is not written twice where the rest fails.
        var written = 0
        do throws(CatalogError) {
            if !batch.isEmpty { dropped.formUnion(try await catalog.record(batch, under: lease)) }
            written = 1
            if !failed.isEmpty {
                try await catalog.noteFailures(
                    failed.map { ($0.root, $0.problem, $0.mayHaveHappened) },
                    under: lease
                )
            }
            written = 2
            if !promised.isEmpty {
                try await catalog.noteTickets(promised.map { ($0.root, $0.ticket, $0.next) }, under: lease)
            }
        } catch {
            // Nobody may write for who has lost the lease; anything else may be written by a later try.
            if error.code != .fenced {
                if written < 1 { seen = batch + seen }
                if written < 2 { failures = failed + failures }
                promises = promised + promises
            }
            throw error
        }
    }
}
