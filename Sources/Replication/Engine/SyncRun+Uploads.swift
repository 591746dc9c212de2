internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Storage

extension SyncRun {
    /// Works through roots, a few at once.
    ///
    /// One root's failure does not stop the others; the backend's does.
    func upload(_ roots: [CID], _ uploader: Uploader, _ site: Site?, _ report: inout SyncReport) async {
        var next = roots.startIndex
        var failuresInARow = 0
        var seen = 0
        var left: [CID] = []
        await withTaskGroup(of: Uploader.Outcome.self) { group in
            for root in roots.prefix(mode.budget?.reached == nil ? backend.lanes : 0) {
                group.addTask { await uploader.outcome(root) }
                next += 1
            }
            while let outcome = await group.next() {
                seen += 1
                engine.progress.items()
                if outcome.isLeft {
                    left.append(outcome.root)
                } else {
                    do throws(CatalogError) {
                        try await note(outcome, of: uploader, site, &report, &failuresInARow)
                    } catch {
                        report.stopped = report.stopped ?? .catalog(error)
                    }
                }
                let mayBegin = report.stopped == nil && !Task.isCancelled && mode.budget?.reached == nil
                guard next < roots.endIndex, mayBegin else { continue }
                let root = roots[next]
                next += 1
                group.addTask { await uploader.outcome(root) }
            }
        }
        if report.replaced > 0 {
            report.warnings.append(
                "\(backend.name): \(report.replaced) roots that counted as stored were damaged or missing there; they were sent anew."
            )
        }
        report.notTried = roots.endIndex - next + left.count
        if report.stopped == nil, report.notTried > 0, !Task.isCancelled, let bound = mode.budget?.reached {
            report.bound = bound
            // Nothing of them was sent: the next sync need not look whether they arrived.
            let fresh = (left + roots[next...]).filter { !uploader.doubted.contains($0) }
            do throws(CatalogError) {
                try await catalog.withdraw(fresh, under: lease)
            } catch {
                report.stopped = .catalog(error)
            }
        }
        if Task.isCancelled { report.stopped = report.stopped ?? .storage(.cancelled) }
        // Every root that was begun must have come back: a report that lost one would claim too much.
        if seen != next - roots.startIndex {
            report.stopped = .suspicious("The engine lost track of \(next - roots.startIndex - seen) roots.")
        }
    }

    private func note(
        _ outcome: Uploader.Outcome,
        of uploader: Uploader,
        _ site: Site?,
        _ report: inout SyncReport,
        _ failuresInARow: inout Int
    ) async throws(CatalogError) {
        if let ticket = outcome.ticket {
            failuresInARow = 0
            report.awaited.append(outcome.root)
            if let note = ticket.note { report.warnings.append("\(backend.name): \(note)") }
            try await recorder.add(promise(ticket.text, of: outcome.root, wait: ticket.wait))
            return
        }
        if let seen = outcome.seen, outcome.error == nil {
            failuresInARow = 0
            if outcome.wasAdopted {
                report.adopted += 1
            } else {
                report.uploaded += 1
                report.replaced += uploader.counted[outcome.root] == nil ? 0 : 1
                report.bytesUploaded += seen.wasSent ? seen.size ?? 0 : 0
            }
            report.claimed += seen.finding == .present ? 1 : 0
            try await recorder.add(seen)
            if let stuck = outcome.stuck, stuck.code != .cancelled { report.warnings.append(stuckSentence(stuck)) }
            return
        }
        let error = outcome.error ?? .suspicious("The engine lost track of \(outcome.root).")
        if case .storage(let stop) = error, stop.code == .cancelled {
            // It may have arrived or not: the journal keeps it, and the next sync looks.
            report.stopped = report.stopped ?? error
            return
        }
        report.failures.append(SyncReport.Failure(root: outcome.root, error: error))
        if let seen = outcome.seen { try await recorder.add(seen) }
        try await recorder.add(failure(outcome.root, error))
        guard case .storage(let failed) = error, !failed.isOfSource else { return }
        failuresInARow += 1
        if await isOfBackend(failed, site, failuresInARow) { report.stopped = error }
    }

    /// An attempt for the journal, which keeps what may have arrived all the same.
    private func failure(_ root: CID, _ error: ReplicationError) -> Recorder.Failure {
        var mayHaveHappened = false
        if case .storage(let error) = error { mayHaveHappened = error.mayHaveHappened && error.code != .corrupt }
        return Recorder.Failure(root: root, problem: error.description, mayHaveHappened: mayHaveHappened)
    }

    /// Says whether what failed for one root would fail for every other one too.
    ///
    /// Where it might be the root alone, the backend is asked for something that is known to be there.
    func isOfBackend(_ error: StorageError, _ site: Site?, _ failuresInARow: Int) async -> Bool {
        switch error.code {
        case .badCredentials, .badSettings, .superseded: return true
        case .corrupt, .tooLarge, .quotaExceeded, .changed: return false
        default: break
        }
        // What keeps one root from being had stops that root.
        guard !error.isOfObject else { return false }
        guard failuresInARow < 2 * backend.lanes + 8 else { return true }
        // Where there is room for nothing beside content, nothing is known to be there: so many in a row decide.
        guard let site else { return false }
        guard let state = try? await catalog.backendState(backend.name), let marker = state.marker else { return true }
        return (try? await site.register.holds(marker)) != true
    }

    /// Leaves a snapshot of the catalog, unless one that is there is newer than this home.
    ///
    /// Content that was stored is stored, whatever happens here: it is told apart.
    func leaveSnapshot(_ site: Site?, _ state: BackendState, _ report: inout SyncReport) async {
        guard let site, let snapshots = Snapshots(backend), backend.content.capabilities.contains(.write) else {
            return
        }
        do {
            // What removals found out is in the catalog by now.
            let state = try await catalog.backendState(backend.name) ?? state
            try await allowForNewer(site, state, &report)
            let snapshot = try snapshots.next(engine.identity, at: catalog.time, known: site.entries.snapshots)
            let name = snapshot.name
            try await catalog.noteNextSnapshot(snapshot.time, under: lease)
            // Whoever wants everything looked at anew relies on no page that he cannot see.
            let entries = mode.force ? HomeRegister.Entries() : site.entries
            let shared = try await snapshots.sharedPages(engine.identity, catalog, entries)
            let changes = try await snapshots.leave(
                name,
                at: snapshot.time,
                of: catalog,
                engine.identity,
                engine.settings,
                sharing: shared,
                scratch: engine.scratch
            )
            try await catalog.noteSnapshot(name.text, hasAll: report.notSeen == 0, sharing: changes, under: lease)
            report.snapshot = name.text
            try await tidy(snapshots, newest: snapshot.time, state, site, &report)
        } catch {
            let error = ReplicationError(error)
            if case .storage(let stop) = error, stop.code == .cancelled || stop.code == .superseded {
                report.stopped = error
            } else {
                report.heldBack = report.heldBack ?? error
            }
        }
    }

    /// Removes what no snapshot that is to stay needs; what cannot be removed stays.
    ///
    /// Where nothing is listed, the one before is the only one that is known, and none is found again: it goes.
    private func tidy(
        _ snapshots: Snapshots,
        newest: Int64,
        _ before: BackendState,
        _ site: Site,
        _ report: inout SyncReport
    ) async throws {
        var problem: StorageError?
        let isListed = backend.content.capabilities.contains(.listing)
        let last = before.snapshot.flatMap { ObjectName($0) }.flatMap { SnapshotName($0, leftAt: catalog.time) }
        let known = isListed ? site.entries.snapshots : [last].compactMap(\.self)
        switch try await snapshots.rotate(engine.identity, known: known, keeping: isListed ? nil : 1, newest: newest) {
        case .failure(let error): problem = error
        case .success(let oldest):
            let old = SharedPages.leftOver(try await catalog.pageObjects(on: backend.name), since: oldest)
            let removed = try await snapshots.remove(pages: old)
            try await catalog.forgetPageObjects(removed.gone, under: lease)
            problem = removed.problem
        }
        if let problem {
            report.warnings.append(
                "\(backend.name): an old snapshot could not be removed, and stays: \(problem.message)"
            )
        }
    }
}
