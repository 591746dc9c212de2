package import Multiformats
internal import Schema
internal import SQLite

extension Catalog {
    /// Writes down what was seen of roots on a backend, and what follows from it for their mappings.
    ///
    /// Who has not the exclusive lease may be beside somebody who has: what he saw of a mapping that has changed, come
    /// or gone since, or that is being removed, is of another time; it changes nothing and is not kept. With the
    /// exclusive lease it is the end of what stands in the journal.
    /// - Returns: the roots of which nothing was written down.
    @discardableResult
    package func record(_ seen: [Observation], under lease: Lease) async throws(CatalogError) -> Set<CID> {
        if !lease.isExclusive, disregards(lease.backend) { return Set(seen.map(\.cid)) }
        let time = now()
        return try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            var dropped: Set<CID> = []
            var events: [CatalogEvent] = []
            for observation in seen {
                if let names = try database.record(observation, at: time, under: lease) {
                    events += names.map { CatalogEvent(observation, on: $0) }
                } else {
                    dropped.insert(observation.cid)
                }
            }
            return (dropped, events)
        }
    }

    /// Writes down what somebody says of where a root is; what was observed stays.
    ///
    /// - Returns: the mapping as it is now.
    package func claim(
        _ claim: Observation,
        on backend: String,
        name: String
    ) async throws(CatalogError) -> Mapping? {
        try await self.claim([(claim, name)], on: backend)[0]
    }

    /// Writes down what somebody says of where roots are, all of it or nothing; what was observed stays.
    ///
    /// - Returns: the mappings as they are now.
    package func claim(
        _ claims: [(claim: Observation, name: String)],
        on backend: String
    ) async throws(CatalogError) -> [Mapping?] {
        for (claim, name) in claims { try Pin.check(name, of: claim.cid) }
        let time = now()
        return try await writeAndTell { (database) throws(CatalogError) in
            var mappings: [Mapping?] = []
            for (claim, name) in claims {
                mappings.append(try database.record(claim, named: name, on: backend, at: time))
            }
            return (mappings, claims.map { CatalogEvent($0.claim, on: backend) })
        }
    }

    /// The mappings as they would be if claims were written down.
    package func mappings(
        after claims: [(claim: Observation, name: String)],
        on backend: String
    ) async throws(CatalogError) -> [Mapping?] {
        for (claim, name) in claims { try Pin.check(name, of: claim.cid) }
        return try await read { (database) throws(CatalogError) in
            var mappings: [Mapping?] = []
            for (claim, name) in claims {
                mappings.append(try database.mapping(claim.cid, backend).claimed(claim, named: name, on: backend))
            }
            return mappings
        }
    }

    /// Counts roots as stored no more under any name of a place: something was sent there since they were seen.
    package func doubt(_ cids: [CID], atPlaceUnder lease: Lease) async throws(CatalogError) {
        let time = now()
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in
            var all: [CatalogEvent] = []
            for cid in cids {
                let doubted = try database.all(
                    """
                    UPDATE mappings SET status = 'unknown', revision = revision + 1, updated_at = ?3
                        WHERE cid = ?2 AND status = 'stored' AND backend IN (\(Database.namesOfPlace)) RETURNING backend
                    """,
                    [.text(lease.backend), .blob(cid.bytes), .integer(time)]
                ) { (row: borrowing Row) throws(CatalogError) in row.text(0) }
                for name in doubted {
                    try database.noteIndexChanges(on: name, at: time)
                    all.append(CatalogEvent(.doubted, on: name, cid))
                }
            }
            return ((), all)
        }
    }

    /// Takes over mappings that another home of the kit had: only where nothing was observed here.
    ///
    /// - Returns: how many were taken over.
    package func takeOver(_ mappings: [Mapping], isDryRun: Bool = false) async throws(CatalogError) -> Int {
        guard !isDryRun else {
            return try await read { (database) throws(CatalogError) in
                var count = 0
                var seen: Set<String> = []
                for mapping in mappings where seen.insert("\(mapping.backend) \(mapping.cid)").inserted {
                    if try database.mayTakeOver(mapping) { count += 1 }
                }
                return count
            }
        }
        let time = now()
        return try await writeAndTell { (database) throws(CatalogError) in
            var events: [CatalogEvent] = []
            for mapping in mappings where try database.mayTakeOver(mapping) {
                if let known = try database.mapping(mapping.cid, mapping.backend) {
                    var mapping = mapping
                    mapping.createdAt = known.createdAt
                    try database.put(mapping, at: time)
                } else {
                    try database.put(mapping, at: time)
                }
                let size = mapping.size
                events.append(CatalogEvent(.claimed, on: mapping.backend, mapping.cid, method: "snapshot", size: size))
            }
            return (events.count, events)
        }
    }

    /// What was seen and said of a root on all backends, the newest first.
    package func observations(of cids: [CID]) async throws(CatalogError) -> [(backend: String, seen: Observation)] {
        try await read { (database) throws(CatalogError) in
            var found: [(backend: String, seen: Observation)] = []
            for cid in cids {
                found += try database.all(
                    "SELECT \(Observation.columns) FROM observations WHERE cid = ? ORDER BY number DESC",
                    [.blob(cid.bytes)]
                ) { (row: borrowing Row) throws(CatalogError) in (row.text(1), try Observation(row)) }
            }
            return found
        }
    }
}

extension Database {
    /// Whether what another home says of a root is more than is known of it here.
    fileprivate mutating func mayTakeOver(_ mapping: Mapping) throws(CatalogError) -> Bool {
        guard let known = try self.mapping(mapping.cid, mapping.backend) else { return true }
        let isObserved = known.evidence != nil || known.status != .pending && known.status != .unknown
        return !isObserved && mapping.evidence != nil
    }

    /// Writes a claim down and moves the mapping on; one without a name keeps that of the mapping.
    fileprivate mutating func record(
        _ claim: Observation,
        named name: String,
        on backend: String,
        at time: Int64
    ) throws(CatalogError) -> Mapping? {
        try append(claim, on: backend)
        let before = try mapping(claim.cid, backend)
        let after = before.claimed(claim, named: name, on: backend)
        if let after, after != before { try put(after, at: time) }
        return after
    }

    /// How many observations of one root on one backend are kept.
    private static var maxKept: Int64 { 8 }

    /// Writes one observation down and moves the mapping on; gives the names of the backend of which it is true then,
    /// nil where it is of another time.
    fileprivate mutating func record(
        _ seen: Observation,
        at time: Int64,
        under lease: Lease
    ) throws(CatalogError) -> Set<String>? {
        let backend = lease.backend
        let before = try mapping(seen.cid, backend)
        if !lease.isExclusive {
            guard before?.revision == seen.basis else { return nil }
            guard try journalKind(seen.cid, backend) != .remove else { return nil }
        }
        var names: Set = [backend]
        try append(seen, on: backend)
        let after = before == nil ? Mapping(first: seen, on: backend) : before?.after(seen)
        if let after {
            if after != before { try put(after, at: time) }
        } else if before != nil {
            // Also under the other names of the place, where it has several.
            let gone = try all(
                "DELETE FROM mappings WHERE cid = ?2 AND backend IN (\(Self.namesOfPlace)) RETURNING backend",
                [.text(backend), .blob(seen.cid.bytes)]
            ) { (row: borrowing Row) throws(CatalogError) in row.text(0) }
            for name in gone { try noteIndexChanges(on: name, at: time) }
            names.formUnion(gone)
        }
        if lease.isExclusive {
            try endTransfer(seen.cid, backend, at: time)
            if seen.finding == .whole { try endUploads(seen.cid, atPlaceOf: backend) }
        }
        return names
    }

    /// Appends an observation; the oldest of the same root on the same backend go.
    fileprivate mutating func append(_ seen: Observation, on backend: String) throws(CatalogError) {
        try change(
            "INSERT INTO observations(\(Observation.columns)) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            seen.values(on: backend)
        )
        try change(
            """
            DELETE FROM observations WHERE backend = ?1 AND cid = ?2 AND number <= (
                SELECT number FROM observations WHERE backend = ?1 AND cid = ?2 ORDER BY number DESC LIMIT 1 OFFSET ?3
            )
            """,
            [.text(backend), .blob(seen.cid.bytes), .integer(Self.maxKept)]
        )
    }

    /// The mapping of a root on a backend.
    mutating func mapping(_ cid: CID, _ backend: String) throws(CatalogError) -> Mapping? {
        try first(
            "SELECT \(Mapping.columns) FROM mappings WHERE cid = ? AND backend = ?",
            [.blob(cid.bytes), .text(backend)]
        ) { (row: borrowing Row) throws(CatalogError) in try Mapping(row) }
    }

    /// Writes a mapping in the place of the one of the same root and backend, with a revision that none had before.
    ///
    /// Counted on from the one before, it would come again where a mapping goes and one of the same root comes.
    fileprivate mutating func put(_ mapping: Mapping, at time: Int64) throws(CatalogError) {
        var mapping = mapping
        mapping.revision = .random(in: 1...(1 << 62))
        try change(
            """
            INSERT INTO mappings(\(Mapping.columns)) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT(cid, backend) DO UPDATE SET \(Mapping.replacing)
            """,
            mapping.values
        )
        try noteIndexChanges(on: mapping.backend, at: time)
    }
}
