package import Catalog
internal import Multiformats
package import Policies
package import Schema
package import Storage

/// Carries out the steps of a plan on one backend.
///
/// Backends are synced side by side; none waits for another.
package struct SyncEngine: Sendable {
    /// Where content is read from.
    let source: any BlockSource
    /// What is kept here, where nobody else can take it away: what is removed elsewhere is compared with that.
    let store: StoreSource
    let catalog: Catalog
    /// Who sees what is on other backends while something is removed.
    let witnesses: Witnesses
    /// What this home is.
    package let identity: Catalog.Identity
    /// Who looks, for evidence: the host and the version of the program.
    let observer: String
    let timing: Timing
    let progress: Progress
    /// The settings of all backends without secrets, for the snapshots.
    let settings: [KitSnapshot.Backend]
    /// A folder for files that are needed for a while.
    let scratch: String
    /// How long a lease lasts without renewal, in milliseconds.
    let leaseTime: Int64

    package init(
        source: any BlockSource,
        store: StoreSource,
        catalog: Catalog,
        witnesses: Witnesses,
        identity: Catalog.Identity,
        observer: String,
        timing: Timing,
        progress: Progress,
        settings: [KitSnapshot.Backend],
        scratch: String,
        leaseTime: Int64
    ) {
        self.source = source
        self.store = store
        self.catalog = catalog
        self.witnesses = witnesses
        self.identity = identity
        self.observer = observer
        self.timing = timing
        self.progress = progress
        self.settings = settings
        self.scratch = scratch
        self.leaseTime = leaseTime
    }

    /// What has to be done on a backend, and the generation that it brings about.
    package struct Work: Sendable {
        package let state: BackendState
        package let steps: [Step]
        /// The other name of the place, where all is done under that.
        package let alias: String?

        package init(_ state: BackendState, _ steps: [Step], _ alias: String?) {
            self.state = state
            self.steps = steps
            self.alias = alias
        }
    }

    /// How a sync goes about it.
    package struct Mode: Sendable {
        /// Everything that the backend holds is looked at anew, and another place is taken for the one that it is now.
        package var force: Bool
        /// What no pin wants is removed.
        package var prune: Bool
        /// How much all backends together are sent, and for how long; nil is no bound.
        package var budget: SyncBudget?

        package init(force: Bool, prune: Bool, budget: SyncBudget? = nil) {
            self.force = force
            self.prune = prune
            self.budget = budget
        }
    }

    /// Brings a backend in step.
    ///
    /// `plan` is asked when the lease is held: what another process did before that is known by then. What was seen
    /// where the backend led before, if that was not `address`, counts for nothing once this is known to be a place of
    /// this home. A backend that turns out to be clean is not opened, unless `force`, which also looks at everything it
    /// holds anew. Throws only when nothing
    /// could be begun; what failed on the way is in the report.
    package func sync(
        _ backend: String,
        _ mode: Mode,
        at address: BackendState.Address,
        open: @Sendable (any ChangeGate) async throws -> OpenBackend,
        plan: @escaping @Sendable () async throws -> Work
    ) async throws(ReplicationError) -> SyncReport {
        let lease = try await take(backend)
        var report = SyncReport(backend: backend)
        do {
            let work = try await plan()
            let hasTransfers = try await !catalog.transfers(on: backend).isEmpty
            if isDue(work, at: address, force: mode.force, hasTransfers: hasTransfers) {
                let announcement = Announcement()
                let fence = Fence(
                    catalog: catalog,
                    lease: lease,
                    announcement: announcement,
                    witnesses: witnesses
                )
                let opened = try await open(fence)
                report = await renewing(lease) { stop in
                    await SyncRun(self, opened, address, lease, mode, announcement).run(plan, stop)
                }
                report.calls = opened.meter.counts
            } else {
                report.wasClean = true
            }
        } catch {
            report.stopped = ReplicationError(error)
        }
        do throws(CatalogError) {
            try await catalog.release(lease)
        } catch {
            report.stopped = report.stopped ?? .catalog(error)
        }
        return report
    }

    /// Homes announce themselves so often at least, in milliseconds, also where nothing is to be done.
    ///
    /// After 30 days of silence others take one for gone.
    private static let longestSilence: Int64 = 7 * 86_400_000

    /// Whether a backend that leads to `address` is to be asked anything.
    package func isDue(_ work: Work, at address: BackendState.Address, force: Bool, hasTransfers: Bool) -> Bool {
        if work.state.isDirty || force || hasTransfers || !work.steps.isEmpty { return true }
        if !work.state.leads(to: address) { return true }
        guard work.alias == nil, work.state.snapshot != nil || work.state.marker != nil else { return false }
        return Self.isSilent(work.state, at: catalog.time)
    }

    /// Whether this home has not announced itself on a backend for so long that it should.
    package static func isSilent(_ state: BackendState, at time: Timestamp) -> Bool {
        let silence = time.milliseconds - (state.markedAt?.milliseconds ?? .min / 2)
        return silence > longestSilence || silence < 0
    }

    private func take(_ backend: String) async throws(ReplicationError) -> Lease {
        let result: Result<Lease, LeaseHolder>
        do throws(CatalogError) {
            result = try await catalog.takeLease(backend, for: leaseTime)
        } catch {
            throw .catalog(error)
        }
        switch result {
        case .success(let lease): return lease
        case .failure(let holder): throw .leased(backend: backend, holder)
        }
    }

    /// Renews a lease while `body` runs; a lease that was lost stops the body, and it says so.
    private func renewing(
        _ lease: Lease,
        _ body: @escaping @Sendable (Locked<ReplicationError?>) async -> SyncReport
    ) async -> SyncReport {
        let reason = Locked<ReplicationError?>(nil)
        return await withTaskGroup(of: SyncReport?.self) { group in
            group.addTask { await body(reason) }
            group.addTask {
                while (try? await timing.pause(.milliseconds(leaseTime / 3))) != nil {
                    do throws(CatalogError) {
                        try await catalog.renew(lease, for: leaseTime)
                    } catch {
                        // A catalog that is busy may be free at the next time; only a lease that is lost is lost.
                        guard error.code == .fenced else { continue }
                        reason.change { $0 = .catalog(error) }
                        return nil
                    }
                }
                return nil
            }
            var report: SyncReport?
            while let next = await group.next() {
                group.cancelAll()
                report = report ?? next
            }
            return report ?? SyncReport(backend: lease.backend)
        }
    }
}
