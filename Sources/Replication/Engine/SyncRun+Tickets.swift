internal import Catalog
internal import Multiformats
internal import Schema
internal import Storage

extension SyncRun {
    /// Asks how far the service has come with what it accepted and has not done.
    ///
    /// What it says it has is looked at by the upload that is planned for it then; where content cannot be read, its
    /// word is all that there is. What came to nothing is told, and tried again by the next sync.
    ///
    /// - Returns: the roots of which that was said.
    func poll(_ report: inout SyncReport) async throws -> Set<CID> {
        var failed: Set<CID> = []
        for transfer in try await catalog.transfers(on: backend.name) where transfer.kind == .store {
            guard let ticket = transfer.ticket else { continue }
            guard !transfer.waits(at: catalog.time) else {
                report.awaited.append(transfer.cid)
                continue
            }
            switch try await backend.content.check(Ticket(ticket), of: transfer.cid) {
            case .open(let wait):
                report.awaited.append(transfer.cid)
                try await noteTicket(ticket, of: transfer.cid, wait: wait)
            case .done(let held) where !backend.content.capabilities.contains(.reads):
                let seen = Observation(
                    transfer.cid,
                    .present,
                    method: "asked",
                    path: held.location.path,
                    at: catalog.time,
                    by: engine.observer
                )
                report.uploaded += 1
                try await recorder.add(seen)
            case .done, .unknown: try await catalog.dropTicket(of: transfer.cid, under: lease)
            case .failed(let reason):
                let message = "The service accepted \(transfer.cid) and could not store it: \(reason)"
                let error = StorageError(.unavailable, message, backend: backend.name)
                failed.insert(transfer.cid)
                report.failures.append(SyncReport.Failure(root: transfer.cid, error: .storage(error)))
                try await recorder.add(
                    Recorder.Failure(root: transfer.cid, problem: error.description, mayHaveHappened: false)
                )
            }
        }
        try await recorder.flush()
        return failed
    }

    /// Writes a ticket down, and when it makes sense to ask again.
    func noteTicket(_ ticket: String, of root: CID, wait: Duration?) async throws(CatalogError) {
        let next = wait.map { wait in
            let seconds = min(max(wait.components.seconds, 0), 366 * 86_400)
            return Timestamp(milliseconds: catalog.time.milliseconds + seconds * 1000)
        }
        try await catalog.noteTicket(ticket, of: root, next: next, under: lease)
    }
}
