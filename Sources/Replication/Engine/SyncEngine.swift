package import BlockStore
package import Catalog
internal import Multiformats
package import Policies
internal import Schema
package import Storage

/// Carries out the steps of a plan on one backend.
///
/// Backends are synced side by side; none waits for another.
package struct SyncEngine: Sendable {
    let store: BlockStore
    let catalog: Catalog
    /// The identifier of this kit.
    let kit: String
    /// Who looks, for evidence: the host and the version of the program.
    let observer: String
    let timing: Timing
    let progress: Progress
    /// The settings of all backends without secrets, for the snapshots.
    let settings: [KitSnapshot.Backend]
    /// A folder for files that are needed for a while.
    let scratch: String

    package init(
        store: BlockStore,
        catalog: Catalog,
        kit: String,
        observer: String,
        timing: Timing,
        progress: Progress,
        settings: [KitSnapshot.Backend],
        scratch: String
    ) {
        self.store = store
        self.catalog = catalog
        self.kit = kit
        self.observer = observer
        self.timing = timing
        self.progress = progress
        self.settings = settings
        self.scratch = scratch
    }

    /// What has to be done on a backend, and the generation that it brings about.
    package struct Work: Sendable {
        package let state: BackendState
        package let steps: [Step]

        package init(state: BackendState, steps: [Step]) {
            self.state = state
            self.steps = steps
        }
    }

    /// Brings a backend in step.
    ///
    /// `plan` is asked when the lease is held: what another process did before that is known by then. A backend that
    /// turns out to be clean is not asked anything, unless `force`, which also looks at everything it holds anew.
    /// Throws only when nothing could be begun; what failed on the way is in the report.
    package func sync(
        _ backend: OpenBackend,
        force: Bool,
        plan: @Sendable () async throws -> Work
    ) async throws(ReplicationError) -> SyncReport {
        let lease = try await take(backend.name)
        var report = SyncReport(backend: backend.name)
        do {
            let work = try await plan()
            if work.state.isDirty || force || !work.steps.isEmpty {
                report = await renewing(lease) { await self.work(backend, work.steps, work.state, force) }
            } else {
                report.wasClean = true
            }
        } catch {
            report.stopped = ReplicationError(error)
        }
        report.calls = backend.meter.counts
        do throws(CatalogError) {
            try await catalog.release(lease)
        } catch {
            throw .catalog(error)
        }
        return report
    }

    private func take(_ backend: String) async throws(ReplicationError) -> Lease {
        let result: Result<Lease, LeaseHolder>
        do throws(CatalogError) {
            result = try await catalog.takeLease(backend)
        } catch {
            throw .catalog(error)
        }
        switch result {
        case .success(let lease): return lease
        case .failure(let holder): throw .leased(backend: backend, holder)
        }
    }

    /// Renews a lease while `body` runs; a lease that was lost stops the body.
    private func renewing(_ lease: Lease, _ body: @escaping @Sendable () async -> SyncReport) async -> SyncReport {
        await withTaskGroup(of: SyncReport?.self) { group in
            group.addTask { await body() }
            group.addTask {
                while (try? await timing.pause(.milliseconds(Lease.duration / 3))) != nil {
                    guard (try? await catalog.renew(lease)) == true else { return nil }
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

    private func work(_ backend: OpenBackend, _ steps: [Step], _ state: BackendState, _ force: Bool) async -> SyncReport
    {
        var report = SyncReport(backend: backend.name)
        do {
            let known = try await checkIdentity(backend, state, force)
            let recorder = Recorder(catalog: catalog, backend: backend.name)
            let uploads = steps.compactMap { if case .upload(let root) = $0 { root } else { nil } }
            let removals = steps.compactMap { if case .remove(let root) = $0 { root } else { nil } }
            if !uploads.isEmpty {
                let found = try await findHeld(backend, uploads, state, force)
                let lane = try await self.lane(backend, found)
                try await catalog.begin(uploads, on: backend.name)
                await run(uploads, lane, recorder, &report)
            }
            await remove(removals, backend, &report)
            try await recorder.flush()
            try StorageError.checkCancellation()
            if report.stopped == nil, let notes = Notes(backend.replica, backend: backend.name) {
                report.note = try await notes.leave(
                    kit: kit,
                    catalog: catalog,
                    settings: settings,
                    scratch: scratch,
                    known: known
                )
            }
        } catch {
            report.stopped = report.stopped ?? ReplicationError(error)
        }
        await conclude(state, &report)
        return report
    }

    /// Makes sure that this is the place that was synced before: the last snapshot left there must still be there.
    ///
    /// A disk that is not mounted, or another bucket, looks like an empty backend; storing there would hide it.
    private func checkIdentity(
        _ backend: OpenBackend,
        _ state: BackendState,
        _ force: Bool
    ) async throws -> [Notes.Note] {
        guard let notes = Notes(backend.replica, backend: backend.name),
            backend.replica.capabilities.contains(.listing)
        else { return [] }
        let known = try await notes.list(kit: kit)
        if let last = state.note, !force, !known.contains(where: { $0.name.text == last }) {
            throw ReplicationError.suspicious(
                """
                The backend \(backend.name) does not show the snapshot \(last) that was left there: a disk may not be \
                mounted, or the settings point elsewhere. If it was emptied on purpose, run `ipfs-kit sync --force \
                \(backend.name)`.
                """
            )
        }
        return known
    }

    /// What the backend holds already of what is wanted there.
    ///
    /// Asked only when something may have arrived that the catalog does not know: before the first sync, after one that
    /// was interrupted, or when the owner wants everything looked at.
    private func findHeld(
        _ backend: OpenBackend,
        _ uploads: [CID],
        _ state: BackendState,
        _ force: Bool
    ) async throws -> [CID: HeldRoot] {
        let interrupted = try await catalog.interrupted(on: backend.name)
        let canList = backend.replica.capabilities.contains(.listing)
        guard state.syncedAt == nil || force || !interrupted.isEmpty else { return [:] }
        var found: [CID: HeldRoot] = [:]
        if canList, force || state.syncedAt == nil || interrupted.count > 8 {
            let wanted = Set(uploads)
            for try await page in backend.replica.roots() {
                for held in page where wanted.contains(held.root) { found[held.root] = held }
            }
            return found
        }
        for root in canList ? uploads.filter(interrupted.contains) : uploads {
            switch await backend.replica.holds(root) {
            case .present(let held): found[root] = held
            case .absent: break
            case .unknown(let error): throw error
            }
        }
        return found
    }

    private func lane(_ backend: OpenBackend, _ found: [CID: HeldRoot]) async throws -> Lane {
        let stored = backend.quota == nil ? 0 : try await catalog.mappingCounts()[backend.name]?.storedBytes ?? 0
        return Lane(
            backend: backend,
            store: store,
            catalog: catalog,
            observer: observer,
            progress: progress,
            found: found,
            stored: Locked(stored),
            large: Permits(2)
        )
    }

    private func conclude(_ state: BackendState, _ report: inout SyncReport) async {
        do throws(CatalogError) {
            if report.isComplete {
                try await catalog.finishSync(state.name, generation: state.generation, note: report.note)
            } else {
                let first = report.stopped ?? report.failures.first?.error
                try await catalog.failSync(state.name, problem: first?.description ?? "unknown")
            }
        } catch {
            report.stopped = report.stopped ?? .catalog(error)
        }
    }
}
