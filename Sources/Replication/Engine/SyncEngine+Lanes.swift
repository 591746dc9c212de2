internal import Catalog
internal import Multiformats
internal import Storage

extension SyncEngine {
    /// Works through roots, a few at once. One root's failure does not stop the others; the backend's does.
    func run(_ roots: [CID], _ lane: Lane, _ recorder: Recorder, _ report: inout SyncReport) async {
        await withTaskGroup(of: (CID, Result<Lane.Outcome, ReplicationError>).self) { group in
            var next = roots.startIndex
            var failuresInARow = 0
            func start() {
                guard next < roots.endIndex, report.stopped == nil, !Task.isCancelled else { return }
                let root = roots[next]
                next += 1
                group.addTask {
                    do throws(ReplicationError) {
                        return (root, .success(try await lane.upload(root)))
                    } catch {
                        return (root, .failure(error))
                    }
                }
            }
            for _ in 0..<lane.backend.lanes { start() }
            while let (root, result) = await group.next() {
                progress.items()
                do throws(CatalogError) {
                    try await note(root, result, lane, recorder, &report, &failuresInARow)
                } catch {
                    report.stopped = report.stopped ?? .catalog(error)
                }
                start()
            }
            report.notTried = roots.endIndex - next
            if Task.isCancelled { report.stopped = report.stopped ?? .storage(.cancelled) }
        }
    }

    private func note(
        _ root: CID,
        _ result: Result<Lane.Outcome, ReplicationError>,
        _ lane: Lane,
        _ recorder: Recorder,
        _ report: inout SyncReport,
        _ failuresInARow: inout Int
    ) async throws(CatalogError) {
        switch result {
        case .success(.uploaded(let mapping)):
            failuresInARow = 0
            report.uploaded += 1
            report.bytesUploaded += mapping.size ?? 0
            try await recorder.add(mapping)
        case .success(.adopted(let mapping)):
            failuresInARow = 0
            report.adopted += 1
            try await recorder.add(mapping)
        case .failure(.storage(let error)) where error.code == .cancelled:
            // It may have arrived or not: the journal keeps it, and the next sync looks.
            report.stopped = report.stopped ?? .storage(error)
        case .failure(let error):
            failuresInARow += 1
            report.failures.append(SyncReport.Failure(root: root, error: error))
            if isOfBackend(error) || failuresInARow >= 2 * lane.backend.lanes + 8 { report.stopped = error }
            try await fail(root, error, lane, recorder)
        }
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
    func remove(_ roots: [CID], _ backend: OpenBackend, _ report: inout SyncReport) async {
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
