internal import Catalog
internal import Multiformats
internal import Schema
internal import Storage

extension SyncRun {
    /// More homes of one kit, or a longer snapshot of one, are not looked into.
    private static let (mostHomes, longest): (Int, UInt64) = (8, 256 << 20)

    /// Throws where a snapshot is newer than this home, and says something that is not known here: this home may be an
    /// old copy, and must neither hide nor remove anything.
    func allowForNewer(_ site: Site, _ state: BackendState) async throws {
        let newer = site.newerSnapshots(
            than: state.note,
            own: try await catalog.newestSnapshot(),
            try await catalog.peers(on: backend.name),
            accepted: try await catalog.acceptedTime()
        )
        guard let newest = newer.first else { return }
        let known = try await known()
        for snapshot in newer {
            guard newer.count <= Self.mostHomes, try await isKnown(snapshot, known) else {
                throw ReplicationError.outdated(backend: backend.name, snapshot: snapshot.name.text)
            }
        }
        // It is not looked into again.
        try await catalog.noteSnapshot(newest.name.text, hasAll: false, under: lease)
    }

    /// What this home knows.
    private func known() async throws -> KitSnapshot.Knowledge {
        var known = KitSnapshot.Knowledge()
        known.backends = Set(engine.settings.map(\.name))
        for pin in try await catalog.pins() { known.pins[pin.cid] = pin.updatedAt }
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

    /// Whether nothing that a snapshot says is news; of one that is damaged nobody knows.
    private func isKnown(_ name: SnapshotName, _ known: KitSnapshot.Knowledge) async throws -> Bool {
        guard let snapshots = Snapshots(backend) else { return false }
        let isContained = Locked(false)
        let problem = try await snapshots.opened(name, scratch: engine.scratch, limit: Self.longest) {
            (snapshot) throws(ReplicationError) in
            let answer = try snapshot.isContained(in: known)
            isContained.change { $0 = answer }
        }
        return problem == nil && isContained.read { $0 }
    }
}
