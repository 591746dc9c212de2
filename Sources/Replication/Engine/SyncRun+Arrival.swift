internal import Catalog
internal import Multiformats
internal import Schema
internal import Storage

extension SyncRun {
    /// Makes sure that this is the place that was synced before, announces this home there, and looks who else is.
    func arrive(_ report: inout SyncReport) async throws -> Site? {
        guard var state = try await catalog.backendState(backend.name) else { return nil }
        var site: Site?
        do {
            site = try await Site.find(backend, state, engine.identity)
        } catch let error as ReplicationError {
            guard mode.force, case .strangePlace = error else { throw error }
            // On the owner's word it is another place by now: nothing is known of what is there.
            try await catalog.reincarnate(under: lease)
            guard let fresh = try await catalog.backendState(backend.name) else { throw error }
            state = fresh
            report.warnings.append(
                "\(backend.name) does not show what this home left there: as --force says, it is another place now, and everything "
                    + "that should be there is stored in it."
            )
            site = try await Site.find(backend, state, engine.identity)
        }
        try await catalog.note(address, under: lease)
        if site == nil, let identity = try await backend.content.identity(), identity != state.markerIdentity {
            try await catalog.noteMarker(nil, identity: identity, under: lease)
        }
        // Where nobody can leave anything, a copy of this catalog is to know by it who was at work there.
        if site == nil {
            let own = [(kit: engine.identity.kit, instance: engine.identity.instance, at: catalog.time)]
            try await catalog.notePeers(own, isFirstLook: false, under: lease)
        }
        var isCopied = false
        if let site, try await site.register.hasCopy(ofMarkerIn: state) {
            isCopied = true
            try await catalog.lookAgain(because: HomeRegister.copied, under: lease)
        }
        if let site, let note = state.snapshot, try await isGone(note, site) {
            try await catalog.doubt(because: "what this home left last is not there", under: lease)
            report.warnings.append(
                "\(backend.name) does not have the snapshot that this home knows as its last one there: one of the two went back in "
                    + "time, so all that should be there is looked at anew."
            )
        }
        guard let found = site, backend.content.capabilities.contains(.write) else { return site }
        // With the lease in hand nobody of this home is removing anything: somebody was stopped while he did.
        for marker in found.entries.removing where marker.instance == engine.identity.instance {
            do throws(StorageError) {
                try await found.register.withdraw(marker)
            } catch {
                if error.code == .cancelled || error.code == .superseded { throw error }
                // Where nothing can be removed it stays, and is believed for a day: so it is not said anew, and told by
                // who would remove something.
                if error.code == .permissionDenied {
                    refusal.change { $0 = error }
                    continue
                }
                report.warnings.append("\(backend.name): \(marker.name) could not be removed: \(error.message)")
            }
        }
        let announced = try await announce(found, state, anew: isCopied, &report)
        try await meet(announced, state, &report)
        return announced
    }

    /// Whether a snapshot that this home left is not there any more; those of others come and go.
    private func isGone(_ note: String, _ site: Site) async throws -> Bool {
        guard let name = ObjectName(note),
            case .snapshot(engine.identity.instance, let time)? = HomeName.read(name)?.kind,
            !site.entries.contains(note)
        else { return false }
        // Under another name of this place newer ones may have taken its turn.
        let newest = try await catalog.newestSnapshot()
        let isFollowed = site.entries.snapshots.contains { other in
            other.instance == engine.identity.instance && other.time > time && other.time <= newest
        }
        guard !isFollowed else { return false }
        // A list may lag behind.
        return try await !site.register.holds(note)
    }

    /// So long an announcement is fresh, in milliseconds.
    private static let freshness: Int64 = 86_400_000

    /// Announces this home where it has not done so lately; the site as it is afterwards.
    private func announce(
        _ site: Site,
        _ state: BackendState,
        anew: Bool,
        _ report: inout SyncReport
    ) async throws -> Site {
        let age = catalog.time.milliseconds - (state.markedAt?.milliseconds ?? .min / 2)
        // Whoever shares the place may have been told that this home is gone: it says each time that it is not.
        if !anew, state.marker != nil, (0..<Self.freshness).contains(age), site.peers().isEmpty { return site }
        let marker: ObjectInfo
        do {
            marker = try await site.register.announce(
                engine.identity,
                state.incarnation,
                isRemoving: false,
                catalog.time
            )
        } catch let error as StorageError where error.code == .quotaExceeded {
            // The earlier one is still there. Whatever can be done without room is done, such as to make some.
            guard let earlier = state.marker, site.entries.contains(earlier) else { throw error }
            report.heldBack = report.heldBack ?? .storage(error)
            return site
        }
        try await catalog.noteMarker(marker.name.text, identity: marker.birth, under: lease)
        // Who announces itself looks afterwards: of two that do so at once, one sees the other at least.
        guard backend.content.capabilities.contains(.listing) else { return site }
        return Site(register: site.register, entries: try await site.register.list(), identity: site.identity)
    }

    /// Notes who else is there; throws where somebody is removing content now.
    private func meet(_ site: Site, _ state: BackendState, _ report: inout SyncReport) async throws {
        let known = Set(try await catalog.peers(on: backend.name).map { $0.kit + "/" + $0.instance })
        var seen = site.peers()
        let newer = site.newerSnapshots(than: state.snapshot, own: try await catalog.newestSnapshot(), [])
        if let newer = newer.first(where: { $0.instance == engine.identity.instance }) {
            seen.append((newer.kit, newer.instance, Timestamp(milliseconds: newer.time)))
        }
        try await catalog.notePeers(seen, isFirstLook: state.marker == nil, under: lease)
        for peer in seen
        where !known.contains(peer.kit + "/" + peer.instance) && peer.instance != engine.identity.instance {
            let what = peer.kit == engine.identity.kit ? "Another home of this kit" : "A home of the kit \(peer.kit)"
            report.warnings.append(
                "\(what) (\(peer.instance)) keeps content on \(backend.name) too: `ipfs-kit backend peers \(backend.name)`."
            )
        }
        try await meetItself(site, state, &report)
        if let remover = site.remover(try await catalog.peers(on: backend.name), at: catalog.time) {
            throw ReplicationError.removing(backend: backend.name, home: remover.instance)
        }
    }

    /// Finds out which other backends of this home lead to this very place: they count once.
    ///
    /// The announcement of another backend shows that, or that somebody copied it here: the other one sees the
    /// announcement of this one, or does not. Where it does not answer nothing is known.
    private func meetItself(_ site: Site, _ state: BackendState, _ report: inout SyncReport) async throws {
        let found = site.aliases(of: state.incarnation)
        var aliases: [BackendState] = []
        for other in try await catalog.backendStates() where found.contains(other.incarnation) {
            switch await engine.witnesses.sees(site.own(state.incarnation), on: other.name) {
            case true?: aliases.append(other)
            case nil: continue
            case false?:
                if other.place == state.place {
                    try await catalog.separate(under: lease)
                    report.warnings.append(
                        "\(backend.name) is a copy of \(other.name), and another place: it counts by itself."
                    )
                }
                // It is what shows that, so it goes last.
                for copy in site.entries.here where copy.incarnation == other.incarnation {
                    try await site.register.withdraw(copy)
                }
            }
        }
        guard !aliases.isEmpty, let now = try await catalog.backendState(backend.name) else { return }
        try await catalog.join(places: aliases.map(\.place) + [now.place], under: lease)
    }

    /// Settles what earlier runs began, of which nobody knows the end and nobody will look otherwise.
    ///
    /// What was to be removed and is gone is forgotten; what no pin wants any more and is there becomes known, so that
    /// it can be removed. A root that is wanted is looked at before it counts as stored: its entry stays until then.
    /// One that counts already, for another upload of it was stopped, is there still or not. What stopped uploads of
    /// unwanted roots left beside them is removed, for nothing will ever go on with it.
    ///
    /// - Returns: what stays there because the service did not let it be removed, in sentences.
    func settle(_ site: Site?, _ report: inout SyncReport) async throws -> [String] {
        let transfers = try await catalog.transfers(on: backend.name)
        var known: [CID: Mapping] = [:]
        var others: [CID: Timestamp?] = [:]
        let names = try await otherNames()
        for mapping in try await catalog.mappings(of: transfers.map(\.cid)) {
            if mapping.backend == backend.name { known[mapping.cid] = mapping }
            if mapping.status == .stored, names.contains(mapping.backend) { others[mapping.cid] = mapping.evidence?.at }
        }
        let wanted = Set(try await catalog.pins(of: transfers.map(\.cid)).map(\.cid))
        var open: [(transfer: Transfer, known: Mapping?)] = []
        var doubted: [CID] = []
        var ended: [Transfer] = []
        for transfer in transfers {
            let mapping = known[transfer.cid]
            // What counts under another name of this place no plan brings again: it was seen since, or is compared.
            if transfer.kind == .store, let seen = others[transfer.cid], wanted.contains(transfer.cid),
                mapping?.status != .stored
            {
                if let seen, seen > transfer.startedAt { ended.append(transfer) } else { doubted.append(transfer.cid) }
                continue
            }
            guard transfer.kind == .remove || !wanted.contains(transfer.cid) || mapping?.status == .stored else {
                continue
            }
            open.append((transfer, mapping))
        }
        if !doubted.isEmpty { try await catalog.doubt(doubted, atPlaceUnder: lease) }
        var stuck: [String] = []
        for transfer in ended {
            if let problem = try await leftovers(of: transfer.cid) { stuck.append(problem) }
            let problem = "it was stored under another name of the place"
            try await recorder.add(Recorder.Failure(root: transfer.cid, problem: problem, mayHaveHappened: false))
        }
        try await recorder.flush()
        guard !open.isEmpty else { return stuck }
        let first = open.prefix(backend.lanes)
        var rest = open.dropFirst(backend.lanes)
        var unknown = 0
        try await withThrowingTaskGroup(of: Settled.self) { group in
            for (transfer, known) in first { group.addTask { try await settled(transfer, known) } }
            while let settled = try await group.next() {
                if let problem = settled.stuck { stuck.append(problem) }
                if let failure = settled.failure {
                    unknown += 1
                    // One that nobody can look at now waits for the next sync, and keeps nothing else from being done.
                    guard await !isOfBackend(failure, site, unknown) else { throw failure }
                    report.failures.append(SyncReport.Failure(root: settled.root, error: .storage(failure)))
                } else {
                    unknown = 0
                }
                try StorageError.checkCancellation()
                guard let (transfer, known) = rest.popFirst() else { continue }
                group.addTask { try await self.settled(transfer, known) }
            }
        }
        try await recorder.flush()
        return stuck
    }

    /// The other names of this place.
    func otherNames() async throws(CatalogError) -> Set<String> {
        let states = try await catalog.backendStates()
        let place = states.first { $0.name == backend.name }?.place
        return Set(states.filter { $0.place == place && $0.name != backend.name }.map(\.name))
    }

    /// What came of one transfer of which nobody knew the end.
    private struct Settled: Sendable {
        let root: CID
        var stuck: String?
        /// Why nobody can tell now.
        var failure: StorageError?
    }

    private func settled(_ transfer: Transfer, _ known: Mapping?) async throws -> Settled {
        do {
            return Settled(root: transfer.cid, stuck: try await settle(transfer, known))
        } catch let error as StorageError where ![.cancelled, .superseded].contains(error.code) {
            return Settled(root: transfer.cid, failure: error)
        }
    }

    /// Settles one, of which the mapping is known, where there is one; no plan has an upload of what counts as stored.
    private func settle(_ transfer: Transfer, _ known: Mapping?) async throws -> String? {
        let stuck = transfer.kind == .store ? try await leftovers(of: transfer.cid) : nil
        let usual = try backend.content.location(for: transfer.cid)
        // Where its CAR is in several objects the mapping has them.
        let there = known?.path == transfer.path ? known?.location : Location(transfer.path)
        guard let location = transfer.path.isEmpty ? usual : there else {
            // The service names what it takes, and the name was lost with the answer: nobody can ask for it.
            try await recorder.add(Recorder.Failure(root: transfer.cid, problem: "lost", mayHaveHappened: false))
            return
                "\(backend.name): an upload of \(transfer.cid) was stopped; what it left has a name that only the service knows."
        }
        var finding: Observation.Finding
        // Of what was being removed a part may be gone.
        let size = transfer.kind == .remove || known?.status == .stored ? known?.size : nil
        let presence = await backend.content.presence(of: transfer.cid, at: location)
        switch try presence.finding(against: size) {
        case .missing:
            // Whoever forgets it here would never look for what it left again.
            if let stuck { return stuck }
            finding = transfer.kind == .remove ? .removed : .missing
        case let found:
            // Only a comparison ends the doubt about what is wanted; the upload that is planned for it makes one.
            if transfer.kind == .remove, try await catalog.pin(transfer.cid) != nil { return nil }
            finding = found ?? .present
        }
        try await recorder.add(
            Observation(
                transfer.cid,
                finding,
                method: "asked",
                place: presence.held?.location ?? location,
                detail: presence.held?.remark,
                at: catalog.time,
                by: engine.observer
            )
        )
        return stuck
    }

    /// Removes what stopped uploads of a root left; the sentence that says why it stays, where the service refuses.
    private func leftovers(of root: CID) async throws(StorageError) -> String? {
        do throws(StorageError) {
            try await backend.content.clear(root, mayResume: false)
            return nil
        } catch {
            guard error.retry == .never, ![.cancelled, .superseded].contains(error.code) else { throw error }
            return stuckSentence(error)
        }
    }

    /// What to say of an upload's remains that could not be removed.
    func stuckSentence(_ error: StorageError) -> String {
        "\(backend.name): what an upload that was stopped left there could not be removed: \(error.message)"
    }
}
