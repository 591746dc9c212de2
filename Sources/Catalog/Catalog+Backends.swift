internal import Schema
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
                let incarnation = randomIdentifier()
                try database.change(
                    """
                    INSERT OR IGNORE INTO backends(name, generation, reason, dirty_since, incarnation, place)
                        VALUES(?1, 1, ?2, ?3, ?4, ?4)
                    """,
                    [.text(name), .text("never synced"), .integer(time), .text(incarnation)]
                )
            }
        }
    }

    /// The state of every known backend, in the order of their names.
    package func backendStates() async throws(CatalogError) -> [BackendState] {
        try await read { (database) throws(CatalogError) in
            try database.all("SELECT \(BackendState.columns) FROM backends ORDER BY name") {
                (row: borrowing Row) throws(CatalogError) in try BackendState(row).regarded(in: self)
            }
        }
    }

    /// The state of one backend, or nil where it is not known.
    package func backendState(_ name: String) async throws(CatalogError) -> BackendState? {
        try await read { (database) throws(CatalogError) in
            try database.first("SELECT \(BackendState.columns) FROM backends WHERE name = ?", [.text(name)]) {
                (row: borrowing Row) throws(CatalogError) in try BackendState(row).regarded(in: self)
            }
        }
    }

    /// Marks backends dirty; the mark outlives a sync that is running now.
    package func markDirty(_ names: [String], reason: String) async throws(CatalogError) {
        let time = now()
        try await writeAndTell { (database) throws(CatalogError) in
            try database.markDirty(names, reason: reason, at: time)
            return ((), names.map { CatalogEvent(.dirty, on: $0, message: reason) })
        }
    }

    /// Notes that a sync brought a backend to `generation`.
    ///
    /// A mark made since then is of a later generation and stays.
    package func finishSync(generation: Int64, under lease: Lease) async throws(CatalogError) {
        let time = now()
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            try database.change(
                """
                UPDATE backends SET synced_generation = max(synced_generation, ?2), synced_at = ?3, problem = NULL,
                    problem_at = NULL WHERE name = ?1
                """,
                [.text(lease.backend), .integer(generation), .integer(time)]
            )
            return ((), [CatalogEvent(.synced, on: lease.backend)])
        }
    }

    /// Notes what went wrong at a sync; the backend stays dirty.
    package func failSync(problem: String, under lease: Lease) async throws(CatalogError) {
        let time = now()
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            try database.change(
                "UPDATE backends SET problem = ?2, problem_at = ?3 WHERE name = ?1",
                [.text(lease.backend), .text(Redactor.shared.clean(problem)), .integer(time)]
            )
            // Also where nothing had marked it: what was not done is not done.
            let state = try database.first(
                "SELECT \(BackendState.columns) FROM backends WHERE name = ?",
                [.text(lease.backend)]
            ) { (row: borrowing Row) throws(CatalogError) in try BackendState(row) }
            if state?.isDirty == false {
                try database.markDirty([lease.backend], reason: "the last sync failed", at: time)
            }
            return ((), [CatalogEvent(.unsynced, on: lease.backend, message: problem)])
        }
    }

    /// Has the next look at a backend see whether all is there that it should hold, as long as it should be.
    package func lookAgain(because reason: String, under lease: Lease) async throws(CatalogError) {
        let time = now()
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            try database.lookAgain(lease.backend, because: reason, at: time)
            return ((), [CatalogEvent(.dirty, on: lease.backend, message: reason)])
        }
    }

    /// Counts nothing as stored that was seen on a backend, for it is not as this home left it; the next look compares.
    package func doubt(because reason: String, under lease: Lease) async throws(CatalogError) {
        let time = now()
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            try database.doubt(lease.backend, because: reason, at: time)
            // What is not there is not asked for again.
            try database.change("UPDATE backends SET note = NULL WHERE name = ?", [.text(lease.backend)])
            return ((), [CatalogEvent(.doubted, on: lease.backend, message: reason)])
        }
    }

    /// Notes that a snapshot of this time is about to be left somewhere, so that this home knows it for its own
    /// whatever happens then.
    package func noteNextSnapshot(_ time: Int64, under lease: Lease) async throws(CatalogError) {
        try await write(under: lease) { (database) throws(CatalogError) in
            try database.setValue("snapshot_time", String(max(time, try database.number("snapshot_time"))))
        }
    }

    /// The time of the newest snapshot that this home left anywhere, or was about to leave, in milliseconds.
    package func newestSnapshot() async throws(CatalogError) -> Int64 {
        try await read { (database) throws(CatalogError) in try database.number("snapshot_time") }
    }

    /// Notes a snapshot that is on a backend, whether it has all that was stored there, and what changed with it for
    /// the objects with shared pages.
    package func noteSnapshot(
        _ name: String,
        hasAll: Bool,
        sharing objects: [PageObject] = [],
        under lease: Lease
    ) async throws(CatalogError) {
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            try database.note(objects, on: lease.backend)
            try database.change(
                """
                UPDATE backends SET note = ?2, unsaved_since = CASE WHEN ?3 THEN NULL ELSE unsaved_since END
                WHERE name = ?1
                """,
                [.text(lease.backend), .text(name), .integer(hasAll ? 1 : 0)]
            )
            return ((), [CatalogEvent(.snapshot, on: lease.backend, message: name)])
        }
    }

    /// Forgets a backend with all that is known of it; whoever is at work on it has no right to write any more.
    package func removeBackend(_ name: String) async throws(CatalogError) {
        let time = now()
        try await writeAndTell { (database) throws(CatalogError) in
            // What was one place with it was never looked at under its own name.
            try database.change(
                "UPDATE backends SET synced_at = NULL WHERE place = (SELECT place FROM backends WHERE name = ?1)",
                [.text(name)]
            )
            let others = try database.all(
                "SELECT name FROM backends WHERE name <> ?1 AND place = (SELECT place FROM backends WHERE name = ?1)",
                [.text(name)]
            ) { (row: borrowing Row) throws(CatalogError) in row.text(0) }
            try database.markDirty(others, reason: "\(name) was removed, which is the same place", at: time)
            try database.change("DELETE FROM backends WHERE name = ?", [.text(name)])
            try database.forgetPages(of: name)
            try database.forgetIndexFiles(of: name)
            for table in ["mappings", "observations", "journal", "leases", "peers"] {
                try database.change("DELETE FROM \(table) WHERE backend = ?", [.text(name)])
            }
            return ((), [CatalogEvent(.forgotten, on: name, message: "the backend was removed")])
        }
    }

    /// Makes another backend of one that has the same name, but is another place: nothing is known of what is there.
    package func reincarnate(_ name: String) async throws(CatalogError) {
        let time = now()
        try await writeAndTell { (database) throws(CatalogError) in
            try database.reincarnate(name, at: time)
            try database.change("DELETE FROM leases WHERE backend = ?", [.text(name)])
            return ((), [CatalogEvent(.doubted, on: name, message: "it is another place now")])
        }
    }

    /// The same for whoever is at work on the backend, and goes on with what is there now.
    package func reincarnate(under lease: Lease) async throws(CatalogError) {
        let time = now()
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            try database.reincarnate(lease.backend, at: time)
            return ((), [CatalogEvent(.doubted, on: lease.backend, message: "it is another place now")])
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

    /// Counts nothing as stored that is known of a backend, or of all, for it is of another place or time; the next
    /// sync looks at all of it.
    mutating func doubt(_ name: String? = nil, because reason: String, at time: Int64) throws(CatalogError) {
        let counts = try all(
            "SELECT backend, number FROM mapping_counts WHERE status = 'stored' AND backend = coalesce(?, backend)",
            [.text(name)]
        ) { (row: borrowing Row) throws(CatalogError) in (backend: row.text(0), count: Int(row.int64(1))) }
        for (backend, count) in counts { try noteIndexChanges(count, on: backend, at: time) }
        try change(
            """
            UPDATE mappings SET status = 'unknown', revision = revision + 1, updated_at = ?1
            WHERE status = 'stored' AND backend = coalesce(?2, backend)
            """,
            [.integer(time), .text(name)]
        )
        try forgetPageObjects(on: name)
        // As before the first sync, everything is listed then, and adopted where it is what it should be.
        try change("UPDATE backends SET synced_at = NULL WHERE name = coalesce(?, name)", [.text(name)])
        try markDirty(name.map { [$0] }, reason: reason, at: time)
    }

    /// Has the next sync list a backend, and compare what is there, as before the first.
    mutating func lookAgain(_ name: String, because reason: String, at time: Int64) throws(CatalogError) {
        try change("UPDATE backends SET synced_at = NULL WHERE name = ?", [.text(name)])
        try markDirty([name], reason: reason, at: time)
    }

    fileprivate mutating func reincarnate(_ name: String, at time: Int64) throws(CatalogError) {
        try forgetPageObjects(on: name)
        try change(
            """
            UPDATE backends SET incarnation = ?2, place = ?2, note = NULL, marker = NULL, marked_at = NULL,
                marker_identity = NULL, unsaved_since = NULL, synced_at = NULL, problem = NULL, problem_at = NULL
                WHERE name = ?1
            """,
            [.text(name), .text(randomIdentifier())]
        )
        let count = try change(
            """
            UPDATE mappings SET status = CASE status WHEN 'corrupt' THEN status ELSE 'unknown' END, is_ours = 0,
                revision = revision + 1, updated_at = ?2 WHERE backend = ?1
            """,
            [.text(name), .integer(time)]
        )
        try noteIndexChanges(count, on: name, at: time)
        try change(
            "DELETE FROM mappings WHERE backend = ? AND NOT EXISTS (SELECT 1 FROM pins WHERE pins.cid = mappings.cid)",
            [.text(name)]
        )
        for table in ["journal", "peers"] { try change("DELETE FROM \(table) WHERE backend = ?", [.text(name)]) }
        try markDirty([name], reason: "another place", at: time)
    }
}

/// 20 letters and digits of chance: 100 bits.
package func randomIdentifier() -> String {
    String((0..<20).map { _ in "abcdefghijklmnopqrstuvwxyz234567".randomElement() ?? "a" })
}
