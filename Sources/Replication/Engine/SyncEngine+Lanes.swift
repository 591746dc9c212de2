internal import Catalog
internal import Multiformats
internal import Storage

extension SyncEngine {
    /// Works through roots, a few at once.
    ///
    /// One root's failure does not stop the others; the backend's does.
    func run(_ roots: [CID], _ lane: Lane, _ recorder: Recorder, _ report: inout SyncReport) async {
        var next = roots.startIndex
        var failuresInARow = 0
        var seen = 0
        await withTaskGroup(of: Lane.Outcome.self) { group in
            for root in roots.prefix(lane.backend.lanes) {
                group.addTask { await lane.outcome(root) }
                next += 1
            }
            while let outcome = await group.next() {
                seen += 1
                progress.items()
                do throws(CatalogError) {
                    try await note(outcome, lane, recorder, &report, &failuresInARow)
                } catch {
                    report.stopped = report.stopped ?? .catalog(error)
                }
                guard next < roots.endIndex, report.stopped == nil, !Task.isCancelled else { continue }
                let root = roots[next]
                next += 1
                group.addTask { await lane.outcome(root) }
            }
        }
        report.notTried = roots.endIndex - next
        if Task.isCancelled { report.stopped = report.stopped ?? .storage(.cancelled) }
        // Every root that was begun must have come back: a report that lost one would claim too much.
        if seen != next - roots.startIndex {
            report.stopped = .suspicious("The engine lost track of \(next - roots.startIndex - seen) roots.")
        }
    }

    private func note(
        _ outcome: Lane.Outcome,
        _ lane: Lane,
        _ recorder: Recorder,
        _ report: inout SyncReport,
        _ failuresInARow: inout Int
    ) async throws(CatalogError) {
        if let mapping = outcome.mapping {
            failuresInARow = 0
            if outcome.wasAdopted {
                report.adopted += 1
            } else {
                report.uploaded += 1
                report.bytesUploaded += mapping.size ?? 0
            }
            try await recorder.add(mapping)
            return
        }
        let error = outcome.error ?? .suspicious("The engine lost track of \(outcome.root).")
        if case .storage(let stop) = error, stop.code == .cancelled {
            // It may have arrived or not: the journal keeps it, and the next sync looks.
            report.stopped = report.stopped ?? error
            return
        }
        failuresInARow += 1
        report.failures.append(SyncReport.Failure(root: outcome.root, error: error))
        if isOfBackend(error) || failuresInARow >= 2 * lane.backend.lanes + 8 { report.stopped = error }
        try await fail(outcome.root, error, lane, recorder)
    }

    /// Says whether what failed for one root would fail for every other one too.
    private func isOfBackend(_ error: ReplicationError) -> Bool {
        guard case .storage(let error) = error else { return false }
        switch error.code {
        case .badCredentials, .permissionDenied, .badSettings, .unavailable, .unsupported: return true
        default: return false
        }
    }

    /// Records a failure, unless the content may be there all the same: then the journal keeps the root.
    private func fail(
        _ root: CID,
        _ error: ReplicationError,
        _ lane: Lane,
        _ recorder: Recorder
    ) async throws(CatalogError) {
        if case .storage(let error) = error, error.code == .unavailable { return }
        let path = (try? CARArchive.name(of: root).text) ?? ""
        try await recorder.add(
            Mapping(cid: root, backend: lane.backend.name, path: path, status: .failed, createdAt: catalog.time)
        )
    }

    /// Removes roots that no pin wants: first from the catalog's belief, then the bytes, so that a kill in between
    /// leaves content without a mapping and never a mapping without content.
    ///
    /// A backend that another kit uses too keeps everything: what no pin of this kit wants, the other one may count on.
    func remove(_ roots: [CID], _ backend: OpenBackend, _ report: inout SyncReport) async {
        guard !roots.isEmpty else { return }
        do {
            let kits = Set(try await Notes(backend.replica, backend: backend.name)?.list().map(\.kit) ?? [])
            if let other = kits.subtracting([kit]).min() {
                throw ReplicationError.suspicious(
                    """
                    The kit \(other) keeps content on \(backend.name) too, so nothing was removed from there. Give each \
                    kit a place of its own, or remove the snapshots of a kit that is gone.
                    """
                )
            }
        } catch {
            report.stopped = report.stopped ?? ReplicationError(error)
        }
        for root in roots where report.stopped == nil {
            do {
                let mapping = try await catalog.mappings(of: [root]).first { $0.backend == backend.name }
                _ = try await catalog.removeMappings([root], of: backend.name)
                try await backend.replica.remove(root, path: mapping?.path)
                report.removed += 1
            } catch {
                report.failures.append(SyncReport.Failure(root: root, error: ReplicationError(error)))
            }
        }
    }
}
