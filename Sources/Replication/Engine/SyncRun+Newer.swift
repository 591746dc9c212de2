internal import Catalog
internal import Multiformats
internal import Schema
internal import Storage

extension SyncRun {
    /// Throws where a snapshot is newer than this home, and says something that is not known here: this home may be an
    /// old copy, and must neither hide nor remove anything.
    ///
    /// What a home knew that is gone for good, as the owner said, is told, and holds nothing back.
    func allowForNewer(_ site: Site, _ state: BackendState, _ report: inout SyncReport) async throws {
        let peers = try await catalog.peers(on: backend.name)
        let already = try await catalog.knownSnapshots()
        let newer = site.newerSnapshots(
            than: state.snapshot,
            own: try await catalog.newestSnapshot(),
            peers,
            accepted: try await catalog.acceptedTime()
        ).filter { $0.time > already[$0.instance] ?? -1 }
        guard let newest = newer.first else { return }
        let gone = Set(peers.filter { $0.kit == engine.identity.kit && $0.isForgotten }.map(\.instance))
            .subtracting([engine.identity.instance])
        let known = try await known()
        for snapshot in newer {
            var (isKnown, problem): (Bool, String?) = (false, nil)
            if newer.count <= Snapshots.maxHomes { (isKnown, problem) = try await look(into: snapshot, known) }
            if isKnown { continue }
            guard gone.contains(snapshot.instance) else {
                throw ReplicationError.outdated(
                    backend: backend.name,
                    snapshot: snapshot.name.text,
                    home: snapshot.instance == engine.identity.instance ? nil : snapshot.instance,
                    problem: problem
                )
            }
            report.warnings.append(
                "The home \(snapshot.instance), which is gone, knew something that this one does not: `ipfs-kit recover --from "
                    + "\(backend.name) --snapshot \(snapshot.time)-\(snapshot.instance)` takes it over."
            )
        }
        // They are not looked into again.
        try await catalog.noteKnown(newer.map { ($0.instance, $0.time) })
        try await catalog.noteSnapshot(newest.name.text, hasAll: false, under: lease)
    }

    /// What this home knows.
    private func known() async throws -> KitSnapshot.Knowledge {
        var known = KitSnapshot.Knowledge()
        known.backends = Set(engine.settings.map(\.name))
        for pin in try await catalog.pins() { known.pins[pin.cid] = pin }
        for state in try await catalog.backendStates() {
            let stored = Locked<[CID: Timestamp]>([:])
            try await catalog.eachMapping(on: state.name) { rows in
                stored.change { stored in
                    for row in rows where row.status == .stored { stored[row.cid] = row.evidence?.at }
                }
            }.get()
            known.stored[state.name] = stored.read { $0 }
        }
        return known
    }

    /// Whether nothing that a snapshot says is news; of one with a problem nobody knows.
    private func look(
        into name: SnapshotName,
        _ known: KitSnapshot.Knowledge
    ) async throws -> (isKnown: Bool, problem: String?) {
        guard let snapshots = Snapshots(backend) else { return (false, nil) }
        let isContained = Locked(false)
        let problem = try await snapshots.opened(name, scratch: engine.scratch, limit: Snapshots.longestOfOthers) {
            (snapshot) throws(ReplicationError) in
            let answer = try snapshot.isContained(in: known)
            isContained.change { $0 = answer }
        }
        return (problem == nil && isContained.read { $0 }, problem)
    }
}
