internal import Schema
internal import SQLite

extension Catalog {
    /// Notes where a backend leads.
    ///
    /// Where that is another place than before, nothing counts of what was seen there, until the settings lead back to
    /// it. Where the place is somebody else's, or nobody knows where the settings led, the next sync looks whether all
    /// is there.
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
            try database.move(name, from: before, to: address, at: time)
        }
    }
}

extension Database {
    private static func key(_ backend: String) -> String { "former_place:" + backend }

    /// Counts nothing of what was seen at another place; or again what was, where this is that place, and nothing was
    /// seen in between.
    fileprivate mutating func move(
        _ name: String,
        from before: BackendState.Address,
        to address: BackendState.Address,
        at time: Int64
    ) throws(CatalogError) {
        let key = Self.key(name)
        let former = try value(key).flatMap { text in
            let parts = text.split(separator: " ", maxSplits: 1)
            return parts.count == 2 ? Int64(parts[0]).map { (left: $0, place: String(parts[1])) } : nil
        }
        guard let former else {
            try setValue(key, "\(time) \(before.place)")
            return try doubt(name, because: "the settings lead elsewhere", at: time)
        }
        guard former.place == address.place else { return }
        try change(
            """
            UPDATE mappings SET status = 'stored', revision = revision + 1, updated_at = ?3
            WHERE backend = ?1 AND status = 'unknown' AND updated_at = ?2
            """,
            [.text(name), .integer(former.left), .integer(time)]
        )
        try forgetFormerPlace(of: name)
        try lookAgain(name, because: "the settings led elsewhere for a time", at: time)
    }

    /// Forgets where a backend led before: what was seen there is of no use any more.
    mutating func forgetFormerPlace(of backend: String) throws(CatalogError) {
        try change("DELETE FROM kit WHERE key = ?", [.text(Self.key(backend))])
    }
}
