internal import Catalog
internal import Multiformats
internal import Schema
internal import Storage

/// The place that a backend leads to, as it was found: whether it is the one that this home knows, and who else is
/// there.
struct Site: Sendable {
    let register: HomeRegister
    let entries: HomeRegister.Entries
    let identity: Catalog.Identity

    /// Looks at the place; throws where it is not the one that was synced before.
    ///
    /// A disk that is not mounted, or another bucket, looks like an empty backend: what is not there says nothing then,
    /// and storing there would hide it. Nil where a backend has no room for what homes are known by.
    static func find(
        _ backend: OpenBackend,
        _ state: BackendState,
        _ identity: Catalog.Identity
    ) async throws -> Site? {
        guard let register = HomeRegister(backend) else {
            guard let known = state.markerIdentity, let found = try await backend.content.identity(), found != known
            else { return nil }
            throw ReplicationError.strangePlace(
                backend: backend.name,
                """
                The backend \(backend.name) leads to “\(found)”, and it was “\(known)” at its last sync. What it holds is \
                unknown. If that is where it should lead, run `ipfs-kit sync --force \(backend.name)`.
                """
            )
        }
        guard backend.content.capabilities.contains(.listing) else {
            let site = Site(register: register, entries: HomeRegister.Entries(), identity: identity)
            guard let proof = state.marker ?? state.snapshot else { return site }
            guard try await register.holds(proof) else { throw stranger(backend.name, proof) }
            return site
        }
        let site = Site(register: register, entries: try await register.list(), identity: identity)
        if let proof = state.marker ?? state.snapshot, !site.entries.contains(proof) {
            throw stranger(backend.name, proof)
        }
        return site
    }

    private static func stranger(_ backend: String, _ proof: String) -> ReplicationError {
        .strangePlace(
            backend: backend,
            """
            The backend \(backend) does not show \(proof), which this home left there: a disk may not be mounted, or the \
            settings point elsewhere. What it holds is unknown. If it moved, say where it is with `ipfs-kit backend update \
            \(backend)`; if it was emptied on purpose, run `ipfs-kit sync --force \(backend)`.
            """
        )
    }

    /// Throws where a backend is not the place that this home knows: what is not there says nothing then.
    static func expect(
        _ backend: OpenBackend,
        _ state: BackendState?,
        _ identity: Catalog.Identity
    ) async throws {
        guard let state, state.marker ?? state.snapshot ?? state.markerIdentity != nil else { return }
        _ = try await find(backend, state, identity)
    }

    /// The homes of other kits, and other homes of this one, with the time when each was last at work there.
    ///
    /// The times are those of the service, so that what the clocks of homes say does not matter, and they stay the same
    /// as long as nobody comes back: whoever was forgotten stays forgotten.
    func peers() -> [(kit: String, instance: String, at: Timestamp)] {
        var seen: [Home: Int64] = [:]
        func note(_ kit: String, _ instance: String, _ moment: Int64) {
            seen[Home(kit: kit, instance: instance)] = max(seen[Home(kit: kit, instance: instance)] ?? 0, moment)
        }
        for marker in entries.here + entries.removing where marker.instance != identity.instance {
            note(marker.kit, marker.instance, marker.at.milliseconds)
        }
        for snapshot in entries.snapshots where snapshot.instance != identity.instance {
            // Without an instance it is of the first version: this kit's own are not another home's.
            guard !snapshot.instance.isEmpty || snapshot.kit != identity.kit else { continue }
            note(snapshot.kit, snapshot.instance, snapshot.leftAt.milliseconds)
        }
        return seen.map { ($0.key.kit, $0.key.instance, Timestamp(milliseconds: $0.value)) }
            .sorted { ($0.kit, $0.instance) < ($1.kit, $1.instance) }
    }

    /// What time it is there, as far as the announcements of this home show; nil where it has none.
    var time: Timestamp? {
        (entries.here + entries.removing).filter { $0.instance == identity.instance }.map(\.at).max()
    }

    /// Whether the clock of the service and that of this home agree, as far as days are concerned; `now` is the time of
    /// this home, whose announcement is at most a day old.
    func isTimeKnown(at now: Timestamp) -> Bool {
        guard let time else { return false }
        return abs(now.milliseconds - time.milliseconds) < 2 * 86_400_000
    }

    /// Whether a home counts as being at work there: where the clocks are days apart, whoever was not forgotten.
    func holdsBack(_ peer: Peer, at now: Timestamp) -> Bool {
        peer.instance != identity.instance
            && (peer.isActive(at: now, service: time) || !isTimeKnown(at: now) && !peer.isForgotten)
    }

    private struct Home: Hashable {
        let kit: String
        let instance: String
    }

    /// The announcement of this home under an incarnation.
    func own(_ incarnation: String) -> ObjectName? {
        HomeName.marker(kit: identity.kit, instance: identity.instance, incarnation: incarnation, isRemoving: false)
    }

    /// Incarnations of other backends of this home that announced it at this very place.
    func aliases(of incarnation: String) -> [String] {
        entries.here.filter { $0.instance == identity.instance && $0.incarnation != incarnation }.map(\.incarnation)
    }

    /// Who is removing content there now, as far as anybody says; announcements of a day ago are of somebody who was
    /// killed.
    ///
    /// Whoever the owner called gone is not removing anything, whatever times his announcements have.
    func remover(_ peers: [Peer], at now: Timestamp) -> HomeRegister.Entries.Marker? {
        let newest = (entries.here + entries.removing).map(\.at.milliseconds).max() ?? 0
        let forgotten = peers.filter(\.isForgotten)
        return entries.removing.first { marker in
            marker.instance != identity.instance
                && (newest - marker.at.milliseconds < 86_400_000 || !isTimeKnown(at: now))
                && !forgotten.contains { $0.kit == marker.kit && $0.instance == marker.instance }
        }
    }

    /// Of each home of this kit the newest snapshot, if it is newer than everything this home took over there, or left.
    ///
    /// This home may be an old copy then, unless the owner said that it does not matter. The newest comes first. `own`
    /// is the time of the newest snapshot that this home knows for its own; `accepted` is the time up to which the
    /// owner said so of all backends.
    func newerSnapshots(than note: String?, own: Int64, _ peers: [Peer], accepted: Int64 = 0) -> [SnapshotName] {
        var latest = accepted - 1
        if let name = note.flatMap({ ObjectName($0) }), case .snapshot(_, let time)? = HomeName.read(name)?.kind {
            latest = max(latest, time)
        }
        var homes: Set<String> = []
        return entries.snapshots.filter { snapshot in
            let isOwn = snapshot.instance == identity.instance
            guard snapshot.kit == identity.kit, snapshot.time > (isOwn ? max(latest, own) : latest) else {
                return false
            }
            let accepted = peers.first { $0.kit == snapshot.kit && $0.instance == snapshot.instance }?.acceptedAt
            // What this very home left and knows nothing of is newer again, whatever was said of earlier ones.
            if let accepted, !(isOwn && snapshot.time > accepted.milliseconds) { return false }
            return homes.insert(snapshot.instance).inserted
        }
    }
}
