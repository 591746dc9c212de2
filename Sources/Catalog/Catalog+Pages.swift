package import Multiformats
internal import SQLite

/// Rows that lie side by side, and are one block of a snapshot.
package struct RowPage: Sendable, Hashable {
    /// The bytes of the first row's CID.
    package let first: [UInt8]
    /// The block.
    package let cid: CID
    /// How many rows it has.
    package let rows: Int

    package init(first: [UInt8], cid: CID, rows: Int) {
        (self.first, self.cid, self.rows) = (first, cid, rows)
    }
}

/// How the rows of a list were cut into pages when somebody looked last, and which of them changed since.
package struct RowMemory: Sendable {
    /// In the order of the rows; empty where nobody knows.
    package let pages: [RowPage]
    /// The CIDs of the rows that came, changed or went since, in order.
    package let changed: [[UInt8]]
    /// How many rows there are now.
    package let rows: Int
    /// What tells this from what others remembered meanwhile.
    fileprivate let version: Int64
    /// The number of the newest change.
    fileprivate let newest: Int64
}

/// A list of rows that snapshots have pages of.
package enum RowList: Sendable, Hashable {
    case pins
    case mappings(on: String)

    /// The name in the tables: that of the backend, and none for the pins.
    fileprivate var name: String { if case .mappings(let backend) = self { backend } else { "" } }
}

/// Reads the rows from one CID up to another, which is not among them; nil is the end.
package typealias RowReader<Row> = (
    _ from: [UInt8], _ to: [UInt8]?, _ body: (Row) throws -> Void
) throws -> Void

extension Catalog {
    /// Runs `body` with the pins as they are at one moment, each as `made` of it, and what is remembered of their
    /// pages.
    ///
    /// Where all of them are read, they are proven to be those that were pinned.
    package func withPins<Made, Value: Sendable>(
        as made: @escaping @Sendable (Pin) -> Made,
        _ body: @escaping @Sendable (RowMemory, RowReader<Made>) throws -> Value
    ) async throws -> Value {
        try await attend(to: .pins)
        return try await read { (database) throws(CatalogError) -> Result<Value, any Error> in
            let memory = try database.memory(of: .pins)
            return Result {
                try body(memory) { from, to, each in
                    var seen: [CID] = []
                    try database.eachRow(Pin.columns, "pins", nil, from, to) { (row) throws(CatalogError) in
                        let pin = try Pin(row)
                        if from.isEmpty, to == nil { seen.append(pin.cid) }
                        return made(pin)
                    } body: {
                        try each($0)
                    }
                    if from.isEmpty, to == nil { try database.prove(seen) }
                }
            }
        }.get()
    }

    /// Runs `body` with the mappings of a backend as they are at one moment, and what is remembered of their pages.
    ///
    /// They are what the catalog says, also where this process knows that the settings lead elsewhere.
    package func withMappings<Made, Value: Sendable>(
        on backend: String,
        as made: @escaping @Sendable (Mapping) -> Made,
        _ body: @escaping @Sendable (RowMemory, RowReader<Made>) throws -> Value
    ) async throws -> Value {
        try await attend(to: .mappings(on: backend))
        return try await read { (database) throws(CatalogError) -> Result<Value, any Error> in
            let memory = try database.memory(of: .mappings(on: backend))
            return Result {
                try body(memory) { from, to, each in
                    try database.eachRow(Mapping.columns, "replicas", backend, from, to) {
                        (row) throws(CatalogError) in
                        made(try Mapping(row))
                    } body: {
                        try each($0)
                    }
                }
            }
        }.get()
    }

    /// Has changes of the rows noted from now on.
    private func attend(to list: RowList) async throws(CatalogError) {
        let isKnown = try await read { (database) throws(CatalogError) in try database.version(of: list) != nil }
        if isKnown { return }
        try await write { (database) throws(CatalogError) in
            try database.change(
                "INSERT OR IGNORE INTO row_lists(name, version, seen) VALUES(?, 0, 0)",
                [.text(list.name)]
            )
            // What changed before is not noted.
            try database.unsettle()
        }
    }

    /// Remembers how lists were cut into pages; what others remembered since `memory` was read stays in its place.
    package func remember(_ cuts: [(list: RowList, memory: RowMemory, pages: [RowPage])]) async throws(CatalogError) {
        let news = cuts.filter { !$0.memory.changed.isEmpty || $0.pages != $0.memory.pages }
        guard !news.isEmpty else { return }
        try await write { (database) throws(CatalogError) in
            for (list, memory, pages) in news where try database.version(of: list) == memory.version {
                try database.remember(list, memory, pages)
            }
        }
    }
}

extension Database {
    fileprivate mutating func version(of list: RowList) throws(CatalogError) -> Int64? {
        try first("SELECT version FROM row_lists WHERE name = ?", [.text(list.name)]) {
            (row: borrowing Row) throws(CatalogError) in row.int64(0)
        }
    }

    fileprivate mutating func memory(of list: RowList) throws(CatalogError) -> RowMemory {
        let name = SQLValue.text(list.name)
        let pages = try all("SELECT first, cid, rows FROM row_pages WHERE list = ? ORDER BY first", [name]) {
            (row: borrowing Row) throws(CatalogError) in
            RowPage(first: row.bytes(0), cid: try columnCID(row, 1), rows: Int(row.int64(2)))
        }
        let seen = try first("SELECT seen FROM row_lists WHERE name = ?", [name]) {
            (row: borrowing Row) throws(CatalogError) in row.int64(0)
        }
        let changed = try all(
            "SELECT cid FROM row_changes WHERE list = ? AND number > ? ORDER BY cid",
            [name, .integer(seen ?? 0)]
        ) { (row: borrowing Row) throws(CatalogError) in row.bytes(0) }
        let count: Int64?
        switch list {
        case .pins: count = try number("pins_count")
        case .mappings(let backend):
            count = try first("SELECT count(*) FROM mappings WHERE backend = ?", [.text(backend)]) {
                (row: borrowing Row) throws(CatalogError) in row.int64(0)
            }
        }
        return RowMemory(
            pages: pages,
            changed: changed,
            rows: Int(count ?? 0),
            version: try version(of: list) ?? 0,
            newest: try newestChange()
        )
    }

    /// Calls `body` with each row between two CIDs; an error of its own ends that.
    fileprivate mutating func eachRow<Row_>(
        _ columns: String,
        _ table: String,
        _ backend: String?,
        _ from: [UInt8],
        _ to: [UInt8]?,
        _ make: (borrowing Row) throws(CatalogError) -> Row_,
        body: (Row_) throws -> Void
    ) throws {
        var conditions = ["cid >= ?"]
        var values: [SQLValue] = [.blob(from)]
        if let to {
            conditions.append("cid < ?")
            values.append(.blob(to))
        }
        if let backend {
            conditions.append("backend = ?")
            values.append(.text(backend))
        }
        var failure: (any Error)?
        try query(
            "SELECT \(columns) FROM \(table) WHERE \(conditions.joined(separator: " AND ")) ORDER BY cid",
            values
        ) { (row: borrowing Row) throws(CatalogError) in
            guard failure == nil else { return }
            let row = try make(row)
            do { try body(row) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    fileprivate mutating func remember(
        _ list: RowList,
        _ memory: RowMemory,
        _ pages: [RowPage]
    ) throws(CatalogError) {
        let name = SQLValue.text(list.name)
        let (old, new) = (Set(memory.pages), Set(pages))
        for page in memory.pages where !new.contains(page) {
            try change("DELETE FROM row_pages WHERE list = ? AND first = ?", [name, .blob(page.first)])
        }
        for page in pages where !old.contains(page) {
            try change(
                "INSERT INTO row_pages(list, first, cid, rows) VALUES(?, ?, ?, ?)",
                [name, .blob(page.first), .blob(page.cid.bytes), .integer(Int64(page.rows))]
            )
        }
        try change(
            "UPDATE row_lists SET version = version + 1, seen = ?2 WHERE name = ?1",
            [name, .integer(memory.newest)]
        )
        try dropChanges()
    }

    /// Forgets how the rows of a backend were cut, and in which objects their pages are there.
    mutating func forgetPages(of backend: String) throws(CatalogError) {
        // First the list: changes of rows that nobody wants to know of are not noted.
        for (table, column) in [("row_lists", "name"), ("row_pages", "list"), ("row_changes", "list")] {
            try change("DELETE FROM \(table) WHERE \(column) = ?", [.text(backend)])
        }
        try forgetPageObjects(on: backend)
    }
}
