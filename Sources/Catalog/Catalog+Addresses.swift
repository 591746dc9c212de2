internal import Schema
internal import SQLite
internal import Synchronization

extension Catalog {
    /// Takes note of the backends whose settings, as this process reads them, lead to another place than that of their
    /// last sync, or nowhere.
    ///
    /// Here nothing counts that was seen on them, and nothing of them is written down by who only looks. The catalog
    /// stays as it is: to whoever has the settings of before, or when they lead back, all counts that did.
    package func disregard(_ backends: Set<String>) { astray.withLock { $0 = backends } }

    /// Notes where a backend leads of which nothing was seen before, for whoever is about to see something.
    package func noteFirst(_ address: BackendState.Address, under lease: Lease) async throws(CatalogError) {
        try await write(under: lease) { (database) throws(CatalogError) in
            try database.change(
                "UPDATE backends SET settings = ?2 WHERE name = ?1 AND settings = '' AND synced_at IS NULL",
                [.text(lease.backend), .text(address.text)]
            )
        }
    }

    /// Notes where a backend leads, for whoever is at work there.
    ///
    /// Where that is another place than before, nothing that was seen is stored any more, or missing; what was damaged
    /// is sent anew, for the new place may be the old one, or a copy of it, under another name. Where the place is
    /// somebody else's, or nobody knows where the settings led, the next sync looks whether all is there.
    package func note(_ address: BackendState.Address, under lease: Lease) async throws(CatalogError) {
        let time = now()
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            let name = lease.backend
            let state = try database.first("SELECT \(BackendState.columns) FROM backends WHERE name = ?", [.text(name)])
            { (row: borrowing Row) throws(CatalogError) in try BackendState(row) }
            guard let state else { return ((), []) }
            // Who is not known now may have been known before.
            let account = address.account.isEmpty ? state.address?.account ?? "" : address.account
            let address = BackendState.Address(place: address.place, account: account)
            guard state.address != address else { return ((), []) }
            try database.change(
                "UPDATE backends SET settings = ?2 WHERE name = ?1",
                [.text(name), .text(address.text)]
            )
            guard let before = state.address else {
                // The programs of before did not write it down.
                guard state.syncedAt != nil else { return ((), []) }
                try database.lookAgain(name, because: "an earlier version", at: time)
                return ((), [CatalogEvent(.dirty, on: name, message: "an earlier version")])
            }
            if before.isSame(as: address) { return ((), []) }
            if before.place == address.place {
                try database.lookAgain(name, because: "another account", at: time)
                return ((), [CatalogEvent(.dirty, on: name, message: "another account")])
            }
            let count = try database.change(
                """
                UPDATE mappings SET status = 'unknown', revision = revision + 1, updated_at = ?2
                WHERE backend = ?1 AND status = 'missing'
                """,
                [.text(name), .integer(time)]
            )
            try database.noteIndexChanges(count, on: name, at: time)
            try database.doubt(name, because: "the settings lead elsewhere", at: time)
            return ((), [CatalogEvent(.doubted, on: name, message: "the settings lead elsewhere")])
        }
        astray.withLock { _ = $0.remove(lease.backend) }
    }

    /// Whether nothing counts here that was seen on a backend.
    package func disregards(_ backend: String) -> Bool { astray.withLock { $0.contains(backend) } }

    /// The backends on which nothing counts here, as a list of JSON.
    var disregarded: String {
        let names = astray.withLock { $0.sorted() }
        return JSON.array(names.map { .string($0) }).compact
    }
}

extension Mapping {
    /// The same as whoever does not know where the backend is has to take it.
    func regarded(in catalog: Catalog) -> Mapping {
        guard status == .stored, catalog.disregards(backend) else { return self }
        var mapping = self
        mapping.status = .unknown
        return mapping
    }
}
