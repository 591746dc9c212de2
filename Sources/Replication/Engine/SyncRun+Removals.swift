internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Policies
internal import Schema
internal import Storage

extension SyncRun {
    /// Removes roots, or says why nothing is removed.
    ///
    /// Each removal is written down before the request is sent, and forgotten when the service has said that the root
    /// is gone. What failed, or was interrupted, is looked at by the next sync. A place that another home uses too
    /// keeps everything: what no pin of this kit wants, the other one may count on.
    func remove(_ steps: [(CID, Step.Reason)], _ site: Site?, _ report: inout SyncReport) async {
        if let refusal = refusal.read({ $0 }) {
            let words =
                "Nothing can be removed from \(backend.name) with its credentials, so all of it stays, and stays known."
            report.heldBack = report.heldBack ?? .storage(refusal.saying("\(words) \(refusal.message)"))
            return
        }
        do {
            guard let state = try await catalog.backendState(backend.name) else { return }
            var rest = steps[...]
            if let site {
                // Before anything is said there.
                guard backend.content.capabilities.contains(.listing) else {
                    throw StorageError(.unsupported, SyncEngine.unlisted(backend.name), backend: backend.name)
                }
                try await allowForNewer(site, state, &report)
                while try await !announceRemoval(site, state), let step = rest.popFirst() {
                    try await makeSureOfBeingAlone(site, onTheWhole: true)
                    announcement.renew(catalog.time.milliseconds)
                    await remove([step], among: site, &report)
                    guard report.stopped == nil else { return }
                }
            } else {
                try await makeSureOfNoCopy()
            }
            await remove(Array(rest), among: site, &report)
            if let site { try await site.register.withdrawRemoving(engine.identity, state.incarnation) }
        } catch {
            report.heldBack = report.heldBack ?? ReplicationError(error)
        }
    }

    /// Says that content is removed, and looks who else is there; whether there was room to say it.
    ///
    /// A place may be so full that only a removal makes room for that. Then nobody else may ever have been there, roots
    /// go one at a time, and before each it is looked again: whoever comes finds no room to announce himself either.
    private func announceRemoval(_ site: Site, _ state: BackendState) async throws -> Bool {
        do {
            _ = try await site.register.announce(engine.identity, state.incarnation, isRemoving: true, catalog.time)
        } catch let error as StorageError where error.code == .quotaExceeded {
            return false
        }
        // Who is there is asked only now: whoever comes later sees that something is being removed.
        do {
            try await makeSureOfBeingAlone(site)
        } catch {
            // Where nothing is removed nobody is kept waiting.
            try? await site.register.withdrawRemoving(engine.identity, state.incarnation)
            throw error
        }
        announcement.renew(catalog.time.milliseconds)
        return true
    }

    /// Announces it anew where it is some time ago, so that a removal of many hours goes on.
    private func renewAnnouncement(_ site: Site?, _ report: inout SyncReport) async {
        guard let site, !announcement.isFresh(catalog.time.milliseconds, within: Announcement.freshness / 3) else {
            return
        }
        do {
            guard let state = try await catalog.backendState(backend.name) else { return }
            guard try await announceRemoval(site, state) else {
                report.stopped = .suspicious(
                    "\(backend.name) has no room to say that content is removed there; the next run goes on."
                )
                return
            }
        } catch {
            report.stopped = report.stopped ?? ReplicationError(error)
        }
    }

    /// Throws where this home is a copy of another one, which cannot leave there that it counts on what is there.
    private func makeSureOfNoCopy() async throws {
        let peers = try await catalog.peers(on: backend.name).filter {
            $0.instance != engine.identity.instance && $0.isActive(at: catalog.time)
        }
        guard let peer = peers.max(by: { $0.lastSeen < $1.lastSeen }) else { return }
        throw ReplicationError.shared(backend: backend.name, kit: peer.kit, home: peer.instance, seen: peer.lastSeen)
    }

    /// Throws where another home counts on what is there; `onTheWhole`, also where one did so long ago.
    private func makeSureOfBeingAlone(_ site: Site, onTheWhole: Bool = false) async throws {
        let now = Site(register: site.register, entries: try await site.register.list(), identity: site.identity)
        try await catalog.notePeers(now.peers(), isFirstLook: false, under: lease)
        let isTimeKnown = now.isTimeKnown(at: catalog.time)
        let active = try await catalog.peers(on: backend.name).filter {
            now.holdsBack($0, at: catalog.time)
                || onTheWhole && !$0.isForgotten && $0.instance != engine.identity.instance
        }
        guard let peer = active.max(by: { $0.lastSeen < $1.lastSeen }) else { return }
        guard isTimeKnown || onTheWhole else {
            throw ReplicationError.suspicious(
                """
                The clock of \(backend.name) says \(now.time?.day ?? "nothing"), and this machine's says \(catalog.time.day): \
                whether the home \(peer.instance) of the kit \(peer.kit) was at work there within 30 days is unknown, so \
                nothing was removed. Set the clock that is wrong, or run `ipfs-kit backend peers forget \
                \(peer.instance.isEmpty ? peer.kit : peer.instance)`.
                """
            )
        }
        throw ReplicationError.shared(backend: backend.name, kit: peer.kit, home: peer.instance, seen: peer.lastSeen)
    }

    private func remove(
        _ steps: [(CID, Step.Reason)],
        among site: Site?,
        _ report: inout SyncReport
    ) async {
        do {
            let begun = try await catalog.begin(steps.map { ($0.0, Removal($0.1)) }, under: lease)
            let reasons = Dictionary(steps.map { ($0.0, $0.1) }) { first, _ in first }
            var rest = begun[...]
            let lanes = backend.lanes
            var failuresInARow = 0
            await withTaskGroup(of: Attempt.self) { group in
                func start() {
                    guard mode.budget?.reached == nil else { return }
                    guard let (root, location) = rest.popFirst() else { return }
                    group.addTask {
                        Attempt(root: root, location: location, outcome: await remove(root, location, reasons[root]))
                    }
                }
                for _ in 0..<lanes { start() }
                while let attempt = await group.next() {
                    do throws(CatalogError) {
                        try await note(attempt, site, &report, &failuresInARow)
                    } catch {
                        report.stopped = report.stopped ?? .catalog(error)
                    }
                    if report.stopped == nil, !Task.isCancelled { await renewAnnouncement(site, &report) }
                    if report.stopped == nil, !Task.isCancelled { start() }
                }
            }
            report.notTried += rest.count
            // What is left is wanted gone still: this is not the end.
            if !rest.isEmpty, report.stopped == nil, !Task.isCancelled { report.bound = mode.budget?.reached }
            if Task.isCancelled { report.stopped = report.stopped ?? .storage(.cancelled) }
        } catch {
            report.stopped = report.stopped ?? ReplicationError(error)
        }
    }

    private struct Attempt: Sendable {
        let root: CID
        /// Where it was removed.
        let location: Location?
        let outcome: Outcome
    }

    /// What came of one removal.
    private enum Outcome: Sendable {
        case removed(seen: Bool)
        /// It was, and another copy with it.
        case removedWith(StorageError)
        /// It is as it was: nothing was sent, or the service refused, and has it still.
        case kept(StorageError)
        case failed(StorageError)
    }

    private func remove(_ root: CID, _ location: Location?, _ reason: Step.Reason?) async -> Outcome {
        guard case .surplus(let minimum, let others, _)? = reason else {
            do throws(StorageError) {
                try await backend.content.remove(root, at: location)
            } catch {
                return await afterRefusal(error, of: root, location)
            }
            return await look(root, location)
        }
        let refusal = Locked<StorageError?>(nil)
        var hasBegun = false
        var problem = StorageError.cancelled
        for _ in 0..<Self.maxTries {
            do throws(StorageError) {
                try await expectWhole(root)
                try await backend.content.remove(root, at: location) { () async throws(StorageError) in
                    do throws(StorageError) {
                        try await engine.witnesses.expect(minimum, of: others, toHave: root, besides: backend.name)
                    } catch {
                        refusal.change { $0 = error }
                        throw error
                    }
                }
                let outcome = await look(root, location)
                guard case .removed(let seen) = outcome else { return outcome }
                return await confirm(root, others, seen)
            } catch {
                if Task.isCancelled { return .failed(.cancelled) }
                hasBegun = hasBegun || error.mayHaveHappened
                let isRefused = refusal.read { $0 != nil } || error.code == .changed
                guard error.code == .late else {
                    if hasBegun { return .failed(error) }
                    return isRefused ? .kept(error) : await afterRefusal(error, of: root, location)
                }
                // A request that is made again, or that waited, finds the look too old; what the service said before is
                // the reason.
                problem = error.cause as? StorageError ?? error
            }
        }
        return problem.code == .late && !hasBegun ? .kept(problem) : .failed(problem)
    }

    /// How often a removal is begun anew because the look at the others had become old.
    private static let maxTries = 4

    /// What came of a removal that the service did not let pass: where it has the root still, all is as it was.
    private func afterRefusal(_ error: StorageError, of root: CID, _ location: Location?) async -> Outcome {
        guard error.code == .permissionDenied, !error.mayHaveHappened,
            case .present(let held) = await backend.content.presence(of: root, at: location)
        else { return .failed(error) }
        let isOther = held.length != nil && location?.length != nil && held.length != location?.length
        return isOther ? .failed(error) : .kept(error)
    }

    /// Whether what a service says it removed is gone: its word alone is a claim.
    private func look(_ root: CID, _ location: Location?) async -> Outcome {
        switch await backend.content.presence(of: root, at: location) {
        case .present, .pending:
            let message = "The service said that it removed \(root), and still has it."
            return .failed(StorageError(.corrupt, message, backend: backend.name).ofBrokenPromise)
        case .absent: return .removed(seen: true)
        case .unknown: return .removed(seen: false)
        }
    }

    private func confirm(_ root: CID, _ others: [String], _ seen: Bool) async -> Outcome {
        do throws(StorageError) {
            try await engine.witnesses.confirm(others, stillHave: root, besides: backend.name)
        } catch {
            return .removedWith(error)
        }
        return .removed(seen: seen)
    }

    /// Throws `changed` where a root is not whole in the store: then each copy may be the one that it comes back from.
    private func expectWhole(_ root: CID) async throws(StorageError) {
        do throws(ReplicationError) {
            try await engine.store.expectHere(root)
        } catch {
            let message = "\(root) stays, for it is not whole in the store: `ipfs-kit restore \(root)`. \(error)"
            throw StorageError(.changed, message, backend: backend.name)
        }
    }

    private func note(
        _ attempt: Attempt,
        _ site: Site?,
        _ report: inout SyncReport,
        _ failuresInARow: inout Int
    ) async throws(CatalogError) {
        let root = attempt.root
        let error: StorageError
        switch attempt.outcome {
        case .kept(let reason):
            try await recorder.add(Recorder.Failure(root: root, problem: reason.message, mayHaveHappened: false))
            report.failures.append(SyncReport.Failure(root: root, error: .storage(reason)))
            guard reason.code == .permissionDenied else { return }
            failuresInARow += 1
            if await isOfBackend(reason, site, failuresInARow) { report.stopped = report.stopped ?? .storage(reason) }
            return
        case .failed(let problem): error = problem
        case .removed, .removedWith:
            failuresInARow = 0
            if case .removedWith(let problem) = attempt.outcome {
                report.failures.append(SyncReport.Failure(root: root, error: .storage(problem)))
            }
            var method = "told"
            if case .removed(seen: true) = attempt.outcome { method = Mapping.Evidence.look }
            let place = attempt.location ?? (try? backend.content.location(for: root))
            try await recorder.add(
                Observation(root, .removed, method: method, place: place, at: catalog.time, by: engine.observer)
            )
            report.removed += 1
            return
        }
        if error.code == .cancelled {
            report.stopped = report.stopped ?? .storage(error)
            return
        }
        // Whatever was said, nobody knows what became of it: the entry stays, and the next sync looks.
        try await recorder.add(Recorder.Failure(root: root, problem: error.message, mayHaveHappened: true))
        report.failures.append(SyncReport.Failure(root: root, error: .storage(error)))
        failuresInARow += 1
        if await isOfBackend(error, site, failuresInARow) { report.stopped = report.stopped ?? .storage(error) }
    }
}

extension SyncEngine {
    /// Why nothing is removed from a backend that lists nothing.
    package static func unlisted(_ backend: String) -> String {
        "Nothing is removed from \(backend): it lists nothing, so nobody can tell who else counts on what is there."
    }
}

extension Removal {
    /// The reason of a step, as the journal keeps it.
    fileprivate init(_ reason: Step.Reason) {
        switch reason {
        case .unwanted: self = .unwanted
        case .surplus(let minimum, let others, let changed):
            self = .surplus(minimum: minimum, others: others, pinChangedAt: changed)
        }
    }
}
