package import Multiformats
internal import SQLite

extension Catalog {
    /// Forgets where a root is, on the owner's word; returns whether that was known.
    package func forgetMapping(_ cid: CID, of backend: String) async throws(CatalogError) -> Bool {
        let time = now()
        return try await writeAndTell { (database) throws(CatalogError) in
            let count = try database.change(
                "DELETE FROM mappings WHERE cid = ? AND backend = ?",
                [.blob(cid.bytes), .text(backend)]
            )
            try database.noteIndexChanges(count, on: backend, at: time)
            return (count > 0, count > 0 ? [CatalogEvent(.forgotten, on: backend, cid)] : [])
        }
    }

    /// Where a CID is, in the order of the backends' names.
    package func mappings(of cids: [CID]) async throws(CatalogError) -> [Mapping] {
        try await read { (database) throws(CatalogError) in
            var found: [Mapping] = []
            for cid in cids {
                found += try database.all(
                    "SELECT \(Mapping.columns) FROM replicas WHERE cid = ? ORDER BY backend",
                    [.blob(cid.bytes)]
                ) { (row: borrowing Row) throws(CatalogError) in try Mapping(row).regarded(in: self) }
            }
            return found
        }
    }

    /// All mappings of a backend in the order of their CIDs.
    package func mappings(on backend: String) async throws(CatalogError) -> [Mapping] {
        try await read { (database) throws(CatalogError) in
            try database.all(
                "SELECT \(Mapping.columns) FROM replicas WHERE backend = ? ORDER BY cid",
                [.text(backend)]
            ) { (row: borrowing Row) throws(CatalogError) in try Mapping(row).regarded(in: self) }
        }
    }

    /// What is known of every root on a backend, in the order of the CIDs; or of some of them, in their order.
    package func statuses(on backend: String, of roots: [CID]? = nil) async throws(CatalogError) -> [KnownCopy] {
        let isAstray = disregards(backend)
        return try await read { (database) throws(CatalogError) in
            guard let roots else { return try database.statuses(on: backend, isAstray, nil) }
            var found: [KnownCopy] = []
            for root in roots { found += try database.statuses(on: backend, isAstray, root) }
            return found
        }
    }

    /// Calls `body` with all mappings of a backend, some thousands at a time, as they are at one moment.
    package func eachMapping<Failure: Error>(
        on backend: String,
        _ body: @escaping @Sendable ([Mapping]) throws(Failure) -> Void
    ) async throws(CatalogError) -> Result<Void, Failure> {
        try await read { (database) throws(CatalogError) in
            var batch: [Mapping] = []
            var failure: Failure?
            func pass() {
                guard failure == nil, !batch.isEmpty else { return }
                do throws(Failure) { try body(batch) } catch { failure = error }
                batch.removeAll(keepingCapacity: true)
            }
            try database.query(
                "SELECT \(Mapping.columns) FROM replicas WHERE backend = ? ORDER BY cid",
                [.text(backend)]
            ) { (row: borrowing Row) throws(CatalogError) in
                batch.append(try Mapping(row).regarded(in: self))
                if batch.count == 8192 { pass() }
            }
            pass()
            return failure.map { .failure($0) } ?? .success(())
        }
    }

    /// Some of what has one of these statuses on a backend, by chance.
    ///
    /// Longer ones than that, in bytes, come only where there are no others; nil says that all are alike.
    package func chanceMappings(
        on backend: String,
        _ statuses: [Mapping.Status],
        _ count: Int,
        notLongerThan length: UInt64? = nil
    ) async throws(CatalogError) -> [Mapping] {
        let words = statuses.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        return try await read { (database) throws(CatalogError) in
            try database.all(
                """
                SELECT \(Mapping.columns) FROM replicas WHERE backend = ? AND status IN (\(words))
                    ORDER BY coalesce(size_bytes, ?2 + 1) > ?2, random() LIMIT ?3
                """,
                [.text(backend), .integer(length.map { Int64(clamping: $0) }), .integer(Int64(count))]
            ) { (row: borrowing Row) throws(CatalogError) in try Mapping(row).regarded(in: self) }
        }
    }

    /// How it is known of the stored root on a backend of which bytes or digests were compared last; nil where that is
    /// known of none.
    package func lastProof(on backend: String) async throws(CatalogError) -> Mapping.Evidence? {
        try await read { (database) throws(CatalogError) in
            try database.first(
                """
                SELECT verified_at, verify_method, verified_by FROM mappings
                    WHERE backend = ? AND status = 'stored' AND verify_method <> ?
                    ORDER BY verified_at DESC LIMIT 1
                """,
                [.text(backend), .text(Mapping.Evidence.look)]
            ) { (row: borrowing Row) throws(CatalogError) in Mapping.Evidence(row, from: 0) } ?? nil
        }
    }

    /// How many mappings of each status a backend has, the sum of the sizes of those that are stored, and when the
    /// first and the last of these were looked at.
    package func mappingCounts() async throws(CatalogError) -> [String: MappingCounts] {
        try await read { (database) throws(CatalogError) in
            var counts: [String: MappingCounts] = [:]
            // Of what is being removed nothing is known.
            try database.query(
                """
                SELECT backend, status, sum(number), CAST(total(bytes) AS INTEGER) FROM (
                    SELECT backend, status, number, bytes FROM mapping_counts
                    UNION ALL SELECT backend, status, -count(*), -total(size_bytes)
                        FROM journal JOIN mappings USING(backend, cid) WHERE kind = 'remove' GROUP BY backend, status
                    UNION ALL SELECT backend, 'unknown', count(*), 0
                        FROM journal JOIN mappings USING(backend, cid) WHERE kind = 'remove' GROUP BY backend
                ) GROUP BY backend, status HAVING sum(number) > 0
                """
            ) { (row: borrowing Row) throws(CatalogError) in
                var status = Mapping.Status(rawValue: row.text(1)) ?? .unknown
                if status == .stored, self.disregards(row.text(0)) { status = .unknown }
                counts[row.text(0), default: MappingCounts()].byStatus[status, default: 0] += Int(row.int64(2))
                if status == .stored {
                    counts[row.text(0), default: MappingCounts()].storedBytes += UInt64(clamping: row.int64(3))
                }
            }
            for (backend, known) in counts where known.byStatus[.stored] != nil {
                counts[backend]?.oldest = try database.evidence(on: backend, "ASC")
                counts[backend]?.newest = try database.evidence(on: backend, "DESC")
            }
            return counts
        }
    }

    /// The pinned roots of which a backend has the only verified replica, or had when it was looked at last, wherever
    /// its settings lead now.
    package func pinsOnly(on backend: String) async throws(CatalogError) -> [CID] {
        let disregarded = disregarded
        return try await read { (database) throws(CatalogError) in
            try database.all(
                """
                SELECT pins.cid FROM pins JOIN replicas m ON m.cid = pins.cid AND m.backend = ?1
                    AND (m.status = 'stored' OR m.status = 'unknown' AND m.verified_at IS NOT NULL)
                WHERE NOT EXISTS (
                    SELECT 1 FROM replicas o LEFT JOIN backends b ON b.name = o.backend
                        WHERE o.cid = pins.cid AND o.backend <> ?1 AND o.status = 'stored'
                        AND o.backend NOT IN (SELECT value FROM json_each(?2))
                        AND b.place IS NOT (SELECT place FROM backends WHERE name = ?1)
                ) ORDER BY pins.cid
                """,
                [.text(backend), .text(disregarded)]
            ) { (row: borrowing Row) throws(CatalogError) in try columnCID(row, 0) }
        }
    }

    /// The pinned roots of which no replica is stored anywhere.
    package func unprotectedPins() async throws(CatalogError) -> [CID] {
        let disregarded = disregarded
        return try await read { (database) throws(CatalogError) in
            try database.all(
                """
                SELECT cid FROM pins WHERE NOT EXISTS
                    (SELECT 1 FROM replicas m WHERE m.cid = pins.cid AND m.status = 'stored'
                        AND m.backend NOT IN (SELECT value FROM json_each(?1))) ORDER BY cid
                """,
                [.text(disregarded)]
            ) { (row: borrowing Row) throws(CatalogError) in try columnCID(row, 0) }
        }
    }
}

/// What is known of a root on a backend, in short.
package struct KnownCopy: Sendable, Hashable {
    package let cid: CID
    package let status: Mapping.Status
    /// See ``Mapping/isOurs``.
    package let isOurs: Bool
    /// Whether a removal began, and nobody knows how it ended.
    package let isBeingRemoved: Bool
    /// Whether a reading found what its status says.
    package let wasRead: Bool
    /// Whether the service works on its upload.
    package let isAwaited: Bool
    /// The length of its CAR in bytes, where it is known.
    package let size: UInt64?

    /// Whether it was looked for, or read, and not found, or not whole.
    package var isDisproved: Bool { status == .missing || status == .corrupt || wasRead && status != .stored }
}

/// How many mappings a backend has.
package struct MappingCounts: Sendable, Hashable {
    package var byStatus: [Mapping.Status: Int] = [:]
    /// The sum of the CARs of the stored mappings, in bytes.
    package var storedBytes: UInt64 = 0
    /// How it is known of the stored mapping that nobody has looked at for the longest time; nil where none is stored,
    /// and where it is not known of one of them.
    package var oldest: Mapping.Evidence?
    /// The same of the one that was looked at last.
    package var newest: Mapping.Evidence?

    package init() {}
}

extension Database {
    /// The evidence of the first of what counts as stored on a backend, in an order of the times; which the index
    /// `mappings_by_evidence` has: it takes no longer where there is more.
    fileprivate mutating func evidence(on backend: String, _ order: String) throws(CatalogError) -> Mapping.Evidence? {
        let found = try first(
            """
            SELECT verified_at, verify_method, verified_by FROM mappings
                WHERE backend = ?1 AND status = 'stored' AND NOT EXISTS (
                    SELECT 1 FROM journal WHERE journal.backend = ?1 AND journal.cid = mappings.cid AND kind = 'remove'
                ) ORDER BY verified_at \(order) LIMIT 1
            """,
            [.text(backend)]
        ) { (row: borrowing Row) throws(CatalogError) in Mapping.Evidence(row, from: 0) }
        return found ?? nil
    }

    fileprivate mutating func statuses(
        on backend: String,
        _ isAstray: Bool,
        _ root: CID?
    ) throws(CatalogError) -> [KnownCopy] {
        let isIt = root == nil ? "" : "cid = ?2 AND"
        return try all(
            """
            SELECT m.cid, m.status, m.is_ours, j.kind, m.size_bytes, j.ticket, m.verify_method FROM mappings m
                LEFT JOIN journal j ON j.backend = m.backend AND j.cid = m.cid
                WHERE \(isIt.isEmpty ? "" : "m." + isIt) m.backend = ?1
            UNION ALL SELECT j.cid, 'unknown', 1, j.kind, NULL, j.ticket, NULL FROM journal j
                WHERE \(isIt.isEmpty ? "" : "j." + isIt) j.backend = ?1 AND j.ticket IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM mappings m WHERE m.backend = ?1 AND m.cid = j.cid)
            ORDER BY 1
            """,
            [.text(backend)] + (root.map { [.blob($0.bytes)] } ?? [])
        ) { (row: borrowing Row) throws(CatalogError) in
            let status = Mapping.Status(rawValue: row.text(1)) ?? .unknown
            let kind = row.optionalText(3).flatMap { Transfer.Kind(rawValue: $0) }
            return KnownCopy(
                cid: try columnCID(row, 0),
                status: isAstray && status == .stored ? .unknown : status,
                isOurs: row.int64(2) != 0,
                isBeingRemoved: kind == .remove,
                wasRead: row.optionalText(6).map { Observation.strength(of: $0) == .readBack } ?? false,
                isAwaited: kind == .store && row.optionalText(5) != nil,
                size: row.optionalInt64(4).flatMap { UInt64(exactly: $0) }
            )
        }
    }
}
