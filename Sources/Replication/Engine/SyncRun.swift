internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Policies
internal import Schema
internal import Storage

/// One sync of one backend, under its lease.
struct SyncRun: Sendable {
    let engine: SyncEngine
    let backend: OpenBackend
    /// Where it leads.
    let address: BackendState.Address
    let lease: Lease
    let mode: SyncEngine.Mode
    let announcement: Announcement
    let recorder: Recorder
    /// Why nothing can be removed, once that was seen.
    let refusal = Locked<StorageError?>(nil)

    var catalog: Catalog { engine.catalog }

    init(
        _ engine: SyncEngine,
        _ backend: OpenBackend,
        _ address: BackendState.Address,
        _ lease: Lease,
        _ mode: SyncEngine.Mode,
        _ announcement: Announcement
    ) {
        self.announcement = announcement
        self.engine = engine
        self.backend = backend
        self.address = address
        self.lease = lease
        self.mode = mode
        recorder = Recorder(catalog: engine.catalog, lease: lease, timing: engine.timing)
    }

    /// Does everything in its order; `plan` is asked again when what earlier runs left is settled.
    func run(
        _ plan: @Sendable () async throws -> SyncEngine.Work,
        _ stop: Locked<ReplicationError?>
    ) async -> SyncReport {
        var report = SyncReport(backend: backend.name)
        var generation: Int64?
        do {
            let site = try await arrive(&report)
            report.warnings += try await settle(site, &report)
            try await lookAtKnown(site, &report)
            let failed = try await poll(site, &report)
            let work = try await plan()
            if work.alias != nil {
                // What is wanted here is brought under the first name; what is not there is forgotten under each.
                try await forget(work)
                generation = work.state.generation
            } else {
                try await carryOut(work, besides: failed, site, &report)
                if report.stopped == nil { generation = work.state.generation }
            }
        } catch {
            report.stopped = report.stopped ?? ReplicationError(error)
            // What was seen before is written all the same, as far as that is still allowed.
            try? await recorder.flush()
        }
        // A cancellation that came from the lease is not the owner's.
        if let reason = stop.read({ $0 }) { report.stopped = reason }
        await conclude(generation, &report)
        return report
    }

    private func carryOut(
        _ work: SyncEngine.Work,
        besides failed: Set<CID>,
        _ site: Site?,
        _ report: inout SyncReport
    ) async throws {
        let uploads = work.steps.compactMap { step -> CID? in
            if case .upload(let root) = step, !failed.contains(root) { root } else { nil }
        }
        let removals = work.steps.compactMap { step -> (CID, Step.Reason)? in
            if case .remove(let root, let reason) = step { (root, reason) } else { nil }
        }
        try await tellBeginning(uploads.count, removals.count)
        if !uploads.isEmpty {
            let uploader = try await uploader(uploads, work.state)
            let begun = uploads.filter { uploader.counted[$0] == nil }
            try await catalog.begin(begun, willBeSaved: uploader.willBeSaved, under: lease)
            await upload(uploads, uploader, site, &report)
        }
        try await recorder.flush()
        if report.stopped == nil { try await forget(work) }
        if !removals.isEmpty, report.stopped == nil { await remove(removals, site, &report) }
        if report.removed > 0, let words = backend.whatStays { report.warnings.append(words) }
        try await recorder.flush()
        try StorageError.checkCancellation()
        // Where nothing was done before the bound, a new snapshot would only push out an older one.
        let isIdle = report.bound != nil && report.uploaded + report.adopted + report.removed == 0
        if report.stopped == nil, !isIdle { await leaveSnapshot(site, work.state, &report) }
    }

    /// Says what there is to do, and what an earlier run left undone.
    private func tellBeginning(_ uploads: Int, _ removals: Int) async throws {
        let open = try await catalog.transferCounts()[backend.name] ?? 0
        let rest = open == 0 ? "" : "; of \(open) nobody knows whether an earlier run came to their end"
        engine.progress.working(on: backend.name, "roots to bring: \(uploads), to remove: \(removals)\(rest)")
    }

    private func forget(_ work: SyncEngine.Work) async throws {
        let gone = work.steps.compactMap { if case .forget(let root) = $0 { root } else { nil } }
        if !gone.isEmpty { try await catalog.forgetMissing(gone, under: lease) }
    }

    /// What was not seen by a sync that came to its end, and left a snapshot, is looked up: what the backend does not
    /// hold, or holds in another length, does not count.
    ///
    /// Before the first sync that is all, which somebody else said, such as a snapshot. Later it is what was stored
    /// since the newest snapshot of this home: where that is all that is left, nothing else shows that the place is as
    /// it was.
    private func lookAtKnown(_ site: Site?, _ report: inout SyncReport) async throws {
        guard let state = try await catalog.backendState(backend.name) else { return }
        guard state.syncedAt == nil || state.unsavedSince != nil else { return }
        let since = state.syncedAt == nil ? nil : state.unsavedSince
        let known = try await catalog.mappings(on: backend.name).filter { mapping in
            guard mapping.status == .stored else { return false }
            return since.map { (mapping.evidence?.at ?? $0) >= $0 } ?? true
        }
        guard !known.isEmpty else { return }
        // Some services list no lengths: what is in such a list is there. Where others have one, it is asked for.
        var listed: [CID: UInt64?] = [:]
        var hasLengths = false
        // What others keep there, which may be very much, is nothing to keep in mind.
        let looked = Set(known.map(\.cid))
        if known.count > Self.fewEnough, backend.content.capabilities.contains(.listing) {
            for try await page in backend.content.roots() {
                for held in page where looked.contains(held.root) {
                    listed[held.root] = .some(held.length)
                    hasLengths = hasLengths || held.length != nil
                }
            }
        }
        var refused = 0
        for mapping in known {
            if let length = listed[mapping.cid], length.map({ $0 == mapping.size }) ?? !hasLengths { continue }
            // A list may lag behind, so what is not in it is asked for by name.
            let presence = await backend.content.presence(of: mapping.cid, at: mapping.location)
            let finding: Observation.Finding?
            do throws(StorageError) {
                finding = try presence.finding(against: mapping.size)
            } catch {
                // Whether it is there is not known: that is told, and the others are looked at all the same.
                report.failures.append(SyncReport.Failure(root: mapping.cid, error: .storage(error)))
                report.notSeen += 1
                refused += 1
                guard error.code != .cancelled, await !isOfBackend(error, site, refused) else { throw error }
                continue
            }
            refused = 0
            guard let finding else { continue }
            try await recorder.add(
                Observation(
                    mapping.cid,
                    finding,
                    method: Mapping.Evidence.look,
                    place: mapping.location,
                    at: catalog.time,
                    by: engine.observer,
                    basis: mapping.revision
                )
            )
        }
        try await recorder.flush()
    }

    /// What a backend may hold already of what is wanted there.
    ///
    /// Asked only when something may have arrived that the catalog does not know: before the first sync, or when the
    /// owner wants everything looked at.
    private func uploader(_ uploads: [CID], _ state: BackendState) async throws -> Uploader {
        var hints: Set<CID> = []
        // Uploads whose end nobody knows, under whatever name of this place: some may have arrived.
        let transfers = try await catalog.transfers(on: backend.name, underAnyName: true)
        let interrupted = transfers.map(\.cid)
        if mode.force || state.syncedAt == nil || interrupted.count > Self.fewEnough {
            let wanted = Set(uploads)
            if backend.content.capabilities.contains(.listing) {
                for try await page in backend.content.roots() {
                    for held in page where wanted.contains(held.root) { hints.insert(held.root) }
                }
            } else {
                hints = wanted
            }
        }
        // What nobody sends is not asked for.
        let asked = uploads.count <= Self.fewRoots ? uploads : nil
        let copies = try await catalog.statuses(on: backend.name, of: asked)
        for copy in copies where copy.status != .stored && copy.status != .corrupt || copy.isBeingRemoved {
            hints.insert(copy.cid)
        }
        hints.formUnion(interrupted.count > Self.fewEnough ? [] : interrupted)
        var disproved = Set(copies.filter(\.isDisproved).map(\.cid))
        var damaged = Set(copies.filter { $0.status == .corrupt }.map(\.cid))
        // What was seen of this place under another name was seen here.
        for other in try await otherNames() {
            let known = try await catalog.statuses(on: other, of: asked)
            damaged.formUnion(known.filter { $0.status == .corrupt }.map(\.cid))
            disproved.formUnion(known.filter(\.isDisproved).map(\.cid))
            // What was stored under that name may lie here, wherever that leads by now.
            hints.formUnion(known.filter { $0.status != .missing }.map(\.cid))
        }
        var counted: [CID: UInt64?] = [:]
        for copy in copies where copy.status == .stored && !copy.isBeingRemoved { counted[copy.cid] = copy.size }
        let stored = backend.quota == nil ? 0 : try await catalog.mappingCounts()[backend.name]?.storedBytes ?? 0
        return Uploader(
            backend: backend,
            source: engine.source,
            packing: FarPacking(scratch: engine.scratch),
            catalog: catalog,
            observer: engine.observer,
            progress: engine.progress,
            hints: hints,
            stopped: Set(transfers.filter { $0.kind == .store }.map(\.cid)),
            doubted: Set(interrupted),
            damaged: damaged,
            disproved: disproved,
            hasLosses: Locked(!disproved.isEmpty),
            counted: counted,
            doubtful: Set(copies.filter { $0.status == .unknown }.map(\.cid)),
            known: try await places(of: uploads),
            lease: lease,
            willBeSaved: Snapshots(backend) != nil,
            stored: Locked(stored),
            budget: mode.budget,
            large: Permits(2),
            medium: Permits(16)
        )
    }

    /// Where the service put some roots, where it names them itself.
    private func places(of roots: [CID]) async throws -> [CID: Location] {
        guard let first = roots.first, try backend.content.location(for: first) == nil else { return [:] }
        let here = try await catalog.mappings(of: roots).filter { $0.backend == backend.name }
        return Dictionary(here.compactMap { row in row.location.map { (row.cid, $0) } }) { first, _ in first }
    }

    /// So many roots are asked for by name sooner than that everything is listed.
    private static let fewEnough = 8

    /// So many roots are looked up in the catalog by name sooner than that everything is read.
    private static let fewRoots = 1000

    private func conclude(_ generation: Int64?, _ report: inout SyncReport) async {
        do throws(CatalogError) {
            if report.isComplete, let generation {
                try await catalog.finishSync(generation: generation, under: lease)
            } else {
                try await catalog.failSync(problem: report.problem?.description ?? "unknown", under: lease)
            }
        } catch {
            report.stopped = report.stopped ?? .catalog(error)
        }
    }
}
