internal import Schema
internal import SQLite

extension Catalog {
    /// Notes where a backend leads.
    ///
    /// Where that is another place than before, nothing counts of what was seen there, until the settings lead back to
    /// it; and whoever only looks writes nothing down before a sync has settled in the new place. Where the place is
    /// somebody else's, or nobody knows where the settings led, the next sync looks whether all is there.
    package func note(_ address: BackendState.Address, under lease: Lease) async throws(CatalogError) {
        let time = now()
        try await write(under: lease) { (database) throws(CatalogError) in
            let name = lease.backend
            let state = try database.first("SELECT \(BackendState.columns) FROM backends WHERE name = ?", [.text(name)])
            { (row: borrowing Row) throws(CatalogError) in try BackendState(row) }
            guard let state else { return }
            // Who is not known now may have been known before.
            let account = address.account.isEmpty ? state.address?.account ?? "" : address.account
            let address = BackendState.Address(place: address.place, account: account)
            guard state.address != address else { return }
            try database.change(
                "UPDATE backends SET settings = ?2 WHERE name = ?1",
                [.text(name), .text(address.text)]
            )
            guard let before = state.address else {
                // The programs of before did not write it down.
                guard state.syncedAt != nil else { return }
                return try database.lookAgain(name, because: "an earlier version", at: time)
            }
            if before.isSame(as: address) { return }
            if before.place == address.place {
                return try database.lookAgain(name, because: "another account", at: time)
            }
            try database.move(name, from: state, to: address, at: time)
        }
    }

    /// Takes the place to which a backend leads for its own from now on: nothing counts any more of what was seen at
    /// another one, neither that it was stored nor that it was damaged.
    package func settleIn(under lease: Lease) async throws(CatalogError) {
        let time = now()
        try await write(under: lease) { (database) throws(CatalogError) in
            guard try database.isAstray(lease.backend) else { return }
            try database.change(
                """
                UPDATE mappings SET status = 'unknown', revision = revision + 1, updated_at = ?2
                WHERE backend = ?1 AND status IN ('stored', 'corrupt', 'missing')
                """,
                [.text(lease.backend), .integer(time)]
            )
            try database.forgetFormerPlace(of: lease.backend)
        }
    }
}

extension Database {
    /// Under which the place is remembered in which a sync was last, and when it was left.
    private static func key(_ backend: String) -> String { BackendState.formerPlace + backend }

    /// Counts nothing of what was seen at another place; or again what was, where this is that place.
    ///
    /// It is as it was left then: nothing was written down, or stored, anywhere else in between.
    fileprivate mutating func move(
        _ name: String,
        from before: BackendState,
        to address: BackendState.Address,
        at time: Int64
    ) throws(CatalogError) {
        guard let former = try value(Self.key(name)).flatMap(FormerPlace.init) else {
            try doubt(name, because: "the settings lead elsewhere", at: time)
            let place = FormerPlace(
                left: time,
                synced: before.syncedAt?.milliseconds,
                place: before.address?.place ?? ""
            )
            return try setValue(Self.key(name), place.text)
        }
        guard former.place == address.place else { return }
        try change(
            """
            UPDATE mappings SET status = 'stored', revision = revision + 1, updated_at = ?3
            WHERE backend = ?1 AND status = 'unknown' AND updated_at = ?2
            """,
            [.text(name), .integer(former.left), .integer(time)]
        )
        try change("UPDATE backends SET synced_at = ?2 WHERE name = ?1", [.text(name), .integer(former.synced)])
        try forgetFormerPlace(of: name)
    }

    /// Whether a backend leads to another place than that in which a sync was last.
    mutating func isAstray(_ backend: String) throws(CatalogError) -> Bool { try value(Self.key(backend)) != nil }

    /// Forgets where a backend, or each of them, led before: what was seen there is of no use any more.
    mutating func forgetFormerPlace(of backend: String?) throws(CatalogError) {
        let key = backend.map(Self.key)
        try change(
            "DELETE FROM kit WHERE key = ?1 OR ?1 IS NULL AND substr(key, 1, ?2) = ?3",
            [.text(key), .integer(Int64(BackendState.formerPlace.utf8.count)), .text(BackendState.formerPlace)]
        )
    }
}

/// A place in which a sync was last, and to which the settings do not lead now.
private struct FormerPlace {
    /// When the settings were seen to lead elsewhere.
    let left: Int64
    /// When a sync finished there.
    let synced: Int64?
    let place: String

    init(left: Int64, synced: Int64?, place: String) {
        (self.left, self.synced, self.place) = (left, synced, place)
    }

    init?(_ text: String) {
        let parts = text.split(separator: " ", maxSplits: 2).map { String($0) }
        guard parts.count == 3, let left = Int64(parts[0]) else { return nil }
        self.init(left: left, synced: Int64(parts[1]), place: parts[2])
    }

    var text: String { "\(left) \(synced.map { String($0) } ?? "-") \(place)" }
}
