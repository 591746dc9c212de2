package import Multiformats
package import Schema
internal import SQLite

extension Catalog {
    /// Writes down uploads before they begin, so that a later run knows what may have arrived unrecorded; and, where a
    /// snapshot is to be left after them, that there is none yet that has them.
    package func begin(
        _ cids: [CID],
        willBeSaved: Bool = false,
        under lease: Lease
    ) async throws(CatalogError) {
        guard !cids.isEmpty else { return }
        let time = now()
        try await write(under: lease) { (database) throws(CatalogError) in
            if willBeSaved {
                try database.change(
                    "UPDATE backends SET unsaved_since = coalesce(unsaved_since, ?2) WHERE name = ?1",
                    [.text(lease.backend), .integer(time)]
                )
            }
            for cid in cids {
                // What is being removed counts for nothing, and what is being stored again does.
                if try database.journalKind(cid, lease.backend) == .remove {
                    try database.noteIndexChanges(on: lease.backend, at: time)
                }
                try database.change(
                    """
                    INSERT INTO journal(backend, cid, kind, path, started_at) VALUES(?, ?, 'store', '', ?)
                        ON CONFLICT(backend, cid) DO UPDATE SET kind = 'store', started_at = excluded.started_at,
                            ticket = NULL, next_at = NULL
                    """,
                    [.text(lease.backend), .blob(cid.bytes), .integer(time)]
                )
            }
        }
    }

    /// Takes uploads back that were written down and not begun, and of which nothing was written down before.
    package func withdraw(_ cids: [CID], under lease: Lease) async throws(CatalogError) {
        guard !cids.isEmpty else { return }
        try await write(under: lease) { (database) throws(CatalogError) in
            for cid in cids {
                try database.change(
                    "DELETE FROM journal WHERE backend = ? AND cid = ? AND kind = 'store' AND ticket IS NULL",
                    [.text(lease.backend), .blob(cid.bytes)]
                )
            }
        }
    }

    /// Writes down removals before they begin, those that are still right; returns their roots with where they
    /// are.
    package func begin(
        _ removals: [(cid: CID, reason: Removal)],
        under lease: Lease
    ) async throws(CatalogError) -> [(cid: CID, location: Location?)] {
        let time = now()
        return try await write(under: lease) { (database) throws(CatalogError) in
            var begun: [(cid: CID, location: Location?)] = []
            for (cid, reason) in removals {
                guard let mapping = try database.mapping(cid, lease.backend) else { continue }
                guard try database.isRight(reason, cid, lease.backend) else { continue }
                try database.insert(reason, cid, mapping.path, lease.backend, at: time)
                begun.append((cid, mapping.location))
            }
            return begun
        }
    }

    /// The root that has this path on a backend, and why it may be removed now; nil where it may not.
    ///
    /// The lease is there, the removal was written down, and the reason for it holds.
    package func removal(
        of path: String,
        under lease: Lease
    ) async throws(CatalogError) -> (root: CID, reason: Removal)? {
        try await removal("path = ?", .text(path), under: lease)
    }

    /// Why a root may be removed from a backend now; nil where it may not.
    package func removal(of cid: CID, under lease: Lease) async throws(CatalogError) -> Removal? {
        try await removal("cid = ?", .blob(cid.bytes), under: lease)?.reason
    }

    private func removal(
        _ condition: String,
        _ value: SQLValue,
        under lease: Lease
    ) async throws(CatalogError) -> (root: CID, reason: Removal)? {
        try await read { (database) throws(CatalogError) in
            try database.check(lease)
            let found = try database.first(
                """
                SELECT cid, minimum, pin_changed_at, others FROM journal WHERE backend = ? AND kind = 'remove' AND \(condition)
                """,
                [.text(lease.backend), value]
            ) { (row: borrowing Row) throws(CatalogError) in (cid: try columnCID(row, 0), reason: Removal(row)) }
            guard let found, try database.isRight(found.reason, found.cid, lease.backend) else { return nil }
            return (found.cid, found.reason)
        }
    }

    /// Everything that began on a backend and whose end nobody knows, in the order of the CIDs; or under any name of
    /// its place.
    package func transfers(on backend: String, underAnyName: Bool = false) async throws(CatalogError) -> [Transfer] {
        let names = underAnyName ? "backend IN (\(Database.namesOfPlace))" : "backend = ?1"
        return try await read { (database) throws(CatalogError) in
            try database.all("SELECT \(Transfer.columns) FROM journal WHERE \(names) ORDER BY cid", [.text(backend)]) {
                (row: borrowing Row) throws(CatalogError) in try Transfer(row)
            }
        }
    }

    /// What began with a root on a backend, and of which nobody knows the end.
    package func openTransfer(of cid: CID, on backend: String) async throws(CatalogError) -> Transfer.Kind? {
        try await read { (database) throws(CatalogError) in try database.journalKind(cid, backend) }
    }

    /// How many uploads and removals are open on each backend.
    package func transferCounts() async throws(CatalogError) -> [String: Int] {
        try await read { (database) throws(CatalogError) in
            var counts: [String: Int] = [:]
            try database.query("SELECT backend, count(*) FROM journal GROUP BY backend") {
                (row: borrowing Row) throws(CatalogError) in counts[row.text(0)] = Int(row.int64(1))
            }
            return counts
        }
    }

    /// Notes that the service works on uploads: the ticket that it gave for each, and when it is to be asked again; a
    /// ticket of which it knows nothing is nil, and that the upload began stays known.
    package func noteTickets(
        _ tickets: [(cid: CID, ticket: String?, next: Timestamp?)],
        under lease: Lease
    ) async throws(CatalogError) {
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            var events: [CatalogEvent] = []
            for (cid, ticket, next) in tickets {
                let count = try database.change(
                    """
                    UPDATE journal SET ticket = ?3, next_at = ?4, tries = tries + (?3 IS NOT NULL)
                        WHERE backend = ?1 AND cid = ?2
                    """,
                    [
                        .text(lease.backend), .blob(cid.bytes), ticket.map { .text($0) } ?? .null,
                        .integer(next?.milliseconds),
                    ]
                )
                // One without a ticket is no work that anybody knows of.
                guard ticket != nil, count > 0 else { continue }
                let message = next.map { "asked again at \($0)" }
                events.append(CatalogEvent(.awaited, on: lease.backend, cid, message: message))
            }
            return ((), events)
        }
    }

    /// Notes that attempts failed; what may have happened all the same stays in the journal, the rest leaves it.
    package func noteFailures(
        _ failures: [(cid: CID, problem: String, mayHaveHappened: Bool)],
        under lease: Lease
    ) async throws(CatalogError) {
        let time = now()
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            for failure in failures {
                if failure.mayHaveHappened {
                    try database.change(
                        "UPDATE journal SET tries = tries + 1, last_error = ?3 WHERE backend = ?1 AND cid = ?2",
                        [
                            .text(lease.backend), .blob(failure.cid.bytes),
                            .text(Redactor.shared.clean(failure.problem)),
                        ]
                    )
                } else {
                    try database.endTransfer(failure.cid, lease.backend, at: time)
                }
            }
            return ((), failures.map { CatalogEvent(.failed, on: lease.backend, $0.cid, message: $0.problem) })
        }
    }

    /// Forgets mappings of roots that the service said are not there: nothing is to be removed.
    package func forgetMissing(_ cids: [CID], under lease: Lease) async throws(CatalogError) {
        let time = now()
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            var forgotten: [CID] = []
            for cid in cids {
                let count = try database.change(
                    """
                    DELETE FROM mappings WHERE cid = ?1 AND backend = ?2 AND status = 'missing'
                    """,
                    [.blob(cid.bytes), .text(lease.backend)]
                )
                try database.noteIndexChanges(count, on: lease.backend, at: time)
                if count > 0 { forgotten.append(cid) }
            }
            return ((), forgotten.map { CatalogEvent(.forgotten, on: lease.backend, $0) })
        }
    }
}

extension Removal {
    fileprivate init(_ row: borrowing Row) {
        guard let minimum = row.optionalInt64(1), let changed = row.optionalInt64(2) else {
            self = .unwanted
            return
        }
        self = .surplus(
            minimum: Int(minimum),
            others: row.text(3).split(separator: ",").map { String($0) },
            pinChangedAt: Timestamp(milliseconds: changed)
        )
    }
}

extension Database {
    /// What of a root is open on a backend.
    mutating func journalKind(_ cid: CID, _ backend: String) throws(CatalogError) -> Transfer.Kind? {
        let kind = try first(
            "SELECT kind FROM journal WHERE backend = ? AND cid = ?",
            [.text(backend), .blob(cid.bytes)]
        ) { (row: borrowing Row) throws(CatalogError) in Transfer.Kind(rawValue: row.text(0)) }
        return kind ?? nil
    }

    /// Selects all names of the place of the backend `?1`.
    static var namesOfPlace: String {
        "SELECT other.name FROM backends other JOIN backends one ON one.place = other.place WHERE one.name = ?1"
    }

    /// Takes uploads of a root out of the journal under each name of a place: it was seen whole there.
    mutating func endUploads(_ cid: CID, atPlaceOf backend: String) throws(CatalogError) {
        try change(
            "DELETE FROM journal WHERE cid = ?2 AND kind = 'store' AND backend IN (\(Self.namesOfPlace))",
            [.text(backend), .blob(cid.bytes)]
        )
    }

    /// Takes a root out of the journal of a backend.
    mutating func endTransfer(_ cid: CID, _ backend: String, at time: Int64) throws(CatalogError) {
        let ended = try all(
            "DELETE FROM journal WHERE backend = ? AND cid = ? RETURNING kind",
            [.text(backend), .blob(cid.bytes)]
        ) { (row: borrowing Row) throws(CatalogError) in Transfer.Kind(rawValue: row.text(0)) }
        // A removal that is over is a change of what counts.
        if ended.contains(.remove) { try noteIndexChanges(on: backend, at: time) }
    }

    fileprivate mutating func insert(
        _ reason: Removal,
        _ cid: CID,
        _ path: String,
        _ backend: String,
        at time: Int64
    ) throws(CatalogError) {
        var values: [SQLValue] = [.text(backend), .blob(cid.bytes), .text(path)]
        switch reason {
        case .unwanted: values += [.null, .null, .null]
        case .surplus(let minimum, let others, let changed):
            values += [
                .integer(Int64(minimum)), .integer(changed.milliseconds), .text(others.joined(separator: ",")),
            ]
        }
        try change(
            """
            INSERT OR REPLACE INTO journal(backend, cid, kind, path, minimum, pin_changed_at, others, started_at)
                VALUES(?1, ?2, 'remove', ?3, ?4, ?5, ?6, ?7)
            """,
            values + [.integer(time)]
        )
        try noteIndexChanges(on: backend, at: time)
    }

    /// Whether a root may be removed from a backend for this reason as things are now.
    fileprivate mutating func isRight(
        _ reason: Removal,
        _ cid: CID,
        _ backend: String
    ) throws(CatalogError) -> Bool {
        let changed = try first("SELECT updated_at FROM pins WHERE cid = ?", [.blob(cid.bytes)]) {
            (row: borrowing Row) throws(CatalogError) in row.int64(0)
        }
        switch reason {
        case .unwanted: return changed == nil
        case .surplus(let minimum, let others, let planned):
            guard changed == planned.milliseconds else { return false }
            var count = 0
            for other in others where other != backend {
                guard let copy = try mapping(cid, other), copy.status == .stored else { continue }
                if try journalKind(cid, other) != .remove { count += 1 }
            }
            return count >= minimum
        }
    }
}
