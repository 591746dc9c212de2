package import Multiformats
internal import SQLite

extension Catalog {
    /// What changed since all roots were settled: since a plan had nothing to do, and nothing was short.
    package struct Unsettled: Sendable, Hashable {
        /// The number of the newest change.
        package let newest: Int64
        /// The roots of which something changed; nil where that is not known, or are many.
        package let roots: [CID]?
        /// Since when all changes are noted; nil where some are not.
        fileprivate let epoch: Int64?
    }

    /// What a plan is for: each kind has had nothing to do at a time of its own.
    package enum PlanKind: String, Sendable, CaseIterable {
        case keeping = ""
        /// It removes what is too much as well.
        case pruning = "_pruning"

        fileprivate var settledKey: String { "settled_at" + rawValue }
        fileprivate var placesKey: String { "settled_in" + rawValue }
    }

    /// More roots than this are not looked at one by one.
    private static let fewRoots: Int64 = 1000

    /// What changed since all was settled in these places, which stand for all that a plan depends on besides.
    package func unsettled(
        in places: String,
        for kind: PlanKind = .keeping
    ) async throws(CatalogError) -> Unsettled {
        let isSeen = disregarded == "[]"
        return try await read { (database) throws(CatalogError) in
            let newest = try database.newestChange()
            let epoch = try database.notesAllChanges() ? database.number(epochKey) : nil
            let nobodyKnows = Unsettled(newest: newest, roots: nil, epoch: epoch)
            guard isSeen, let settled = try database.settled(kind), try database.value(kind.placesKey) == places,
                try database.hasAllPins()
            else { return nobodyKnows }
            let roots = try database.all(
                "SELECT DISTINCT cid FROM row_changes WHERE number > ? ORDER BY cid LIMIT ?",
                [.integer(settled), .integer(Self.fewRoots + 1)]
            ) { (row: borrowing Row) throws(CatalogError) in try columnCID(row, 0) }
            return roots.count > Self.fewRoots ? nobodyKnows : Unsettled(newest: newest, roots: roots, epoch: epoch)
        }
    }

    /// Notes that all is settled in these places, as far as it had come by then.
    package func noteSettled(
        _ known: Unsettled,
        in places: String,
        for kind: PlanKind = .keeping
    ) async throws(CatalogError) {
        guard disregarded == "[]", let epoch = known.epoch else { return }
        let isNoted = try await read { (database) throws(CatalogError) in
            let settled = try database.settled(kind)
            let there = try database.value(kind.placesKey)
            return settled == known.newest && there == places
        }
        if isNoted { return }
        try await write { (database) throws(CatalogError) in
            // A list that came meanwhile has changes that nobody noted.
            let now = try database.number(epochKey)
            guard epoch == now, try database.notesAllChanges() else { return }
            try database.setValue(kind.settledKey, String(known.newest))
            try database.setValue(kind.placesKey, places)
            try database.dropChanges()
        }
    }

    /// The pins among some roots.
    package func pins(of roots: [CID]) async throws(CatalogError) -> [Pin] {
        try await read { (database) throws(CatalogError) in
            var pins: [Pin] = []
            for root in roots {
                let pin = try database.first("SELECT \(Pin.columns) FROM pins WHERE cid = ?", [.blob(root.bytes)]) {
                    (row: borrowing Row) throws(CatalogError) in try Pin(row)
                }
                if let pin { pins.append(pin) }
            }
            return pins
        }
    }
}

private let epochKey = "settled_epoch"

extension Database {
    /// The number of the newest change of a row that was noted, whether it is there still.
    mutating func newestChange() throws(CatalogError) -> Int64 {
        try first("SELECT seq FROM sqlite_sequence WHERE name = 'row_changes'") {
            (row: borrowing Row) throws(CatalogError) in row.int64(0)
        } ?? 0
    }

    /// Whether there are as many pins as there should be; where some are lost, whoever reads all of them says so.
    fileprivate mutating func hasAllPins() throws(CatalogError) -> Bool {
        let count = try first("SELECT count(*) FROM pins") { (row: borrowing Row) throws(CatalogError) in row.int64(0) }
        let noted = try number("pins_count")
        return count == noted
    }

    /// Whether the changes of all rows are noted.
    fileprivate mutating func notesAllChanges() throws(CatalogError) -> Bool {
        try first(
            """
            SELECT EXISTS (SELECT 1 FROM row_lists WHERE name = '')
                AND NOT EXISTS (SELECT 1 FROM backends WHERE name NOT IN (SELECT name FROM row_lists))
            """
        ) { (row: borrowing Row) throws(CatalogError) in row.int64(0) != 0 } ?? false
    }

    /// Up to which change all was settled; nil where it never was, or changes were not noted since.
    fileprivate mutating func settled(_ kind: Catalog.PlanKind) throws(CatalogError) -> Int64? {
        guard try notesAllChanges() else { return nil }
        return try value(kind.settledKey).flatMap { Int64($0) }
    }

    /// Forgets that all was settled, and has nobody note it who looked before.
    mutating func unsettle() throws(CatalogError) {
        for kind in Catalog.PlanKind.allCases {
            try change("DELETE FROM kit WHERE key = ?", [.text(kind.settledKey)])
        }
        try setValue(epochKey, String(try number(epochKey) + 1))
    }

    /// Drops what was noted of changes that all have looked at: those who make pages, and those who plan, unless these
    /// will look at everything anyway.
    mutating func dropChanges() throws(CatalogError) {
        for kind in Catalog.PlanKind.allCases {
            guard let settled = try value(kind.settledKey).flatMap({ Int64($0) }) else { continue }
            let count = try first("SELECT count(*) FROM row_changes WHERE number > ?", [.integer(settled)]) {
                (row: borrowing Row) throws(CatalogError) in row.int64(0)
            }
            if count ?? 0 > 10_000 { try change("DELETE FROM kit WHERE key = ?", [.text(kind.settledKey)]) }
        }
        try change(
            """
            DELETE FROM row_changes WHERE number <= (SELECT seen FROM row_lists WHERE name = list)
                AND number <= coalesce(?, number)
            """,
            [.integer(try oldestSettled())]
        )
    }

    /// Up to which change all was settled for every kind of plan for which it ever was; nil where it never was.
    private mutating func oldestSettled() throws(CatalogError) -> Int64? {
        var oldest: Int64?
        for kind in Catalog.PlanKind.allCases {
            guard let settled = try value(kind.settledKey).flatMap({ Int64($0) }) else { continue }
            oldest = min(oldest ?? settled, settled)
        }
        return oldest
    }
}
