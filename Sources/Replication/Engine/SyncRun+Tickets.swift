internal import Catalog
internal import Multiformats
internal import Schema
internal import Storage

extension SyncRun {
    /// Asks how far the service has come with what it accepted and has not done.
    ///
    /// What it says it has is looked at by the upload that is planned for it then; where content cannot be read, its
    /// word is all that there is. What came to nothing, and what could not be asked, is told, and tried again by the
    /// next sync.
    ///
    /// - Returns: the roots of which that was told.
    func poll(_ site: Site?, _ report: inout SyncReport) async throws -> Set<CID> {
        var failed: Set<CID> = []
        func tell(_ error: StorageError, of root: CID) {
            failed.insert(root)
            report.failures.append(SyncReport.Failure(root: root, error: .storage(error)))
        }
        var open: [Asked] = []
        for transfer in try await catalog.transfers(on: backend.name) where transfer.kind == .store {
            guard let ticket = transfer.ticket else { continue }
            if transfer.waits(at: catalog.time) {
                report.awaited.append(transfer.cid)
            } else {
                open.append(Asked(root: transfer.cid, ticket: ticket))
            }
        }
        var refused = 0
        try await withThrowingTaskGroup(of: Asked.self) { group in
            var rest = open[...]
            func start() {
                guard let asked = rest.popFirst() else { return }
                group.addTask { await asked.answered(by: backend.content) }
            }
            for _ in 0..<backend.lanes { start() }
            while let asked = try await group.next() {
                do throws(StorageError) {
                    guard let answer = asked.answer else { continue }
                    let error = try await take(try answer.get(), of: asked.root, asked.ticket, &report)
                    refused = 0
                    if let error { tell(error, of: asked.root) }
                } catch {
                    // Whether it is done is not known: the ticket stays, and the others are asked for all the same.
                    tell(error, of: asked.root)
                    refused += 1
                    guard error.code != .cancelled, await !isOfBackend(error, site, refused) else { throw error }
                }
                try StorageError.checkCancellation()
                start()
            }
        }
        try await recorder.flush()
        return failed
    }

    /// A question about an upload that the service accepted, and what it answered.
    private struct Asked: Sendable {
        let root: CID
        let ticket: String
        var answer: Result<TicketState, StorageError>?

        func answered(by content: any ContentService) async -> Asked {
            var asked = self
            do throws(StorageError) {
                asked.answer = .success(try await content.check(Ticket(ticket), of: root))
            } catch {
                asked.answer = .failure(error)
            }
            return asked
        }
    }

    /// Takes note of what the service says of its work for a root; why it came to nothing, where it did.
    private func take(
        _ state: TicketState,
        of root: CID,
        _ ticket: String,
        _ report: inout SyncReport
    ) async throws(StorageError) -> StorageError? {
        do throws(CatalogError) {
            switch state {
            case .open(let wait):
                report.awaited.append(root)
                try await recorder.add(promise(ticket, of: root, wait: wait))
            case .done(let held) where !backend.content.capabilities.contains(.reads):
                try await recorder.add(
                    Observation(
                        root,
                        .present,
                        method: "asked",
                        place: held.location,
                        detail: held.remark,
                        at: catalog.time,
                        by: engine.observer
                    )
                )
                report.uploaded += 1
            case .done, .unknown: try await recorder.add(Recorder.Promise(root: root, ticket: nil))
            case .failed(let reason):
                let message = "The service accepted \(root) and could not store it: \(reason)"
                let error = StorageError(.unavailable, message, backend: backend.name)
                try await recorder.add(
                    Recorder.Failure(root: root, problem: error.description, mayHaveHappened: false)
                )
                return error
            }
            return nil
        } catch {
            let code: StorageError.Code = error.code == .fenced ? .superseded : .unavailable
            throw StorageError(code, error.message, backend: backend.name, cause: error)
        }
    }

    /// A ticket to be written down, and when it makes sense to ask again.
    func promise(_ ticket: String, of root: CID, wait: Duration?) -> Recorder.Promise {
        let next = wait.map { wait in
            let seconds = min(max(wait.components.seconds, 0), 366 * 86_400)
            return Timestamp(milliseconds: catalog.time.milliseconds + seconds * 1000)
        }
        return Recorder.Promise(root: root, ticket: ticket, next: next)
    }
}
