internal import SQLite

extension Catalog {
    /// Makes backends known.
    ///
    /// One that is new is dirty: nothing was ever synced to it.
    package func register(_ names: [String]) async throws(CatalogError) {
        let time = now()
        let known = Set(try await backendStates().map(\.name))
        guard !known.isSuperset(of: names) else { return }
        try await write { (database) throws(CatalogError) in
            for name in names {
                try database.change(
                    "INSERT OR IGNORE INTO backends(name, generation, reason, dirty_since) VALUES(?, 1, ?, ?)",
                    [.text(name), .text("never synced"), .integer(time)]
                )
            }
        }
    }

    /// The state of every known backend, in the order of their names.
    package func backendStates() async throws(CatalogError) -> [BackendState] {
        try await read { (database) throws(CatalogError) in
            try database.all("SELECT \(BackendState.columns) FROM backends ORDER BY name") {
                (row: borrowing Row) throws(CatalogError) in try BackendState(row)
            }
        }
    }

    /// The state of one backend, or nil where it is not known.
    package func backendState(_ name: String) async throws(CatalogError) -> BackendState? {
        try await read { (database) throws(CatalogError) in
            try database.first("SELECT \(BackendState.columns) FROM backends WHERE name = ?", [.text(name)]) {
                (row: borrowing Row) throws(CatalogError) in try BackendState(row)
            }
        }
    }

    /// Marks backends dirty; the mark outlives a sync that is running now.
    package func markDirty(_ names: [String], reason: String) async throws(CatalogError) {
        let time = now()
        try await write { (database) throws(CatalogError) in
            try database.markDirty(names, reason: reason, at: time)
        }
    }

    /// Notes that a sync brought a backend to `generation` and left the snapshot `note` there.
    ///
    /// A mark made since then is of a later generation and stays.
    package func finishSync(_ name: String, generation: Int64, note: String?) async throws(CatalogError) {
        let time = now()
        try await write { (database) throws(CatalogError) in
            try database.change(
                """
                UPDATE backends SET synced_generation = max(synced_generation, ?2), synced_at = ?3,
                    note = coalesce(?4, note), problem = NULL WHERE name = ?1
                """,
                [.text(name), .integer(generation), .integer(time), .text(note)]
            )
        }
    }

    /// Notes what went wrong at a sync; the backend stays dirty.
    package func failSync(_ name: String, problem: String) async throws(CatalogError) {
        try await write { (database) throws(CatalogError) in
            try database.change("UPDATE backends SET problem = ?2 WHERE name = ?1", [.text(name), .text(problem)])
        }
    }

    /// Forgets a backend with its mappings, its journal and its lease.
    package func removeBackend(_ name: String) async throws(CatalogError) {
        try await write { (database) throws(CatalogError) in
            try database.change("DELETE FROM backends WHERE name = ?", [.text(name)])
            for table in ["mappings", "transfers", "leases"] {
                try database.change("DELETE FROM \(table) WHERE backend = ?", [.text(name)])
            }
        }
    }
}

extension Database {
    /// Counts up the generation of the named backends, or of all.
    mutating func markDirty(_ names: [String]?, reason: String, at time: Int64) throws(CatalogError) {
        let change = """
            UPDATE backends SET dirty_since = CASE WHEN generation > synced_generation THEN dirty_since ELSE ?2 END,
                generation = generation + 1, reason = ?1
            """
        let values: [SQLValue] = [.text(reason), .integer(time)]
        guard let names else {
            try self.change(change, values)
            return
        }
        for name in names { try self.change(change + " WHERE name = ?3", values + [.text(name)]) }
    }
}
