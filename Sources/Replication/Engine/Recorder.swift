internal import Catalog
internal import Multiformats
internal import Schema
internal import Storage

/// Collects what was seen and what failed, and writes it to the catalog some at a time: a commit waits for the disk, a
/// thousand would too.
///
/// What is lost when the process is killed in between is found on the backend and adopted by the next sync.
actor Recorder {
    /// An attempt that failed.
    struct Failure: Sendable {
        let root: CID
        let problem: String
        let mayHaveHappened: Bool
    }

    private let catalog: Catalog
    private let lease: Lease
    private let timing: Timing
    private var seen: [Observation] = []
    private var failures: [Failure] = []
    private var oldest = Duration.zero
    /// Roots of which nothing was written down, for they had changed since the look began.
    private(set) var dropped: Set<CID> = []

    private static let most = 256
    /// How long an outcome waits at most for others.
    private static let patience = Duration.milliseconds(250)

    init(catalog: Catalog, lease: Lease, timing: Timing) {
        self.catalog = catalog
        self.lease = lease
        self.timing = timing
    }

    /// Takes what was seen, and writes what has waited long enough.
    func add(_ observation: Observation) async throws(CatalogError) {
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

    private func begin() { if seen.isEmpty, failures.isEmpty { oldest = timing.uptime() } }

    private func flushIfDue() async throws(CatalogError) {
        let age = timing.uptime() - oldest
        if seen.count + failures.count >= Self.most || age >= Self.patience { try await flush() }
    }

    /// Writes everything that is waiting.
    func flush() async throws(CatalogError) {
        let (batch, failed) = (seen, failures)
        seen = []
        failures = []
        do throws(CatalogError) {
            if !batch.isEmpty { dropped.formUnion(try await catalog.record(batch, under: lease)) }
            if !failed.isEmpty {
                try await catalog.noteFailures(
                    failed.map { ($0.root, $0.problem, $0.mayHaveHappened) },
                    under: lease
                )
            }
        } catch {
            // Nobody may write for who has lost the lease; anything else may be written by a later try.
            if error.code != .fenced {
                seen = batch + seen
                failures = failed + failures
            }
            throw error
        }
    }
}
