internal import CSQLite

/// One connection to an SQLite database, owned by one place at a time; share it inside a `Mutex`.
///
/// Whatever runs a statement is `mutating`, so the compiler proves that no two threads, and no row closure and its
/// own query, use the connection at once. That is what makes the unchecked `Sendable` true.
///
/// A connection never copies the write-ahead log back by itself, also not when it is closed: whoever shares a database
/// with other processes decides when nobody commits meanwhile (sqlite.org/wal.html, the WAL-reset bug of 3.7.0 to
/// 3.51.2).
package struct Database: ~Copyable, @unchecked Sendable {
    /// What a connection may do.
    package enum Mode: Sendable {
        case readWriteCreate, readWrite, readOnly
    }

    private var connection: Connection

    /// Opens the database at `path`; `:memory:` makes one without a file.
    ///
    /// A lock held by another connection is waited for up to `busyTimeout` milliseconds before `.busy` is thrown.
    package init(path: String, mode: Mode = .readWriteCreate, busyTimeout: Int = 10_000) throws(DatabaseError) {
        let flags =
            switch mode {
            case .readWriteCreate: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readWrite: SQLITE_OPEN_READWRITE
            case .readOnly: SQLITE_OPEN_READONLY
            }
        let opened = try Connection(path: path, flags: flags, busyTimeout: busyTimeout)
        try opened.execute("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF")
        connection = opened
    }

    /// The version of the SQLite library that is loaded.
    package static var libraryVersion: String { unsafe String(cString: sqlite3_libversion()) }

    /// Waits up to so many milliseconds for a lock that another connection holds.
    package mutating func setBusyTimeout(_ milliseconds: Int) { connection.setBusyTimeout(milliseconds) }

    /// How many rows the last `INSERT`, `UPDATE` or `DELETE` changed.
    package var changes: Int { connection.changes }

    /// The row id of the last row inserted.
    package var lastInsertedRowID: Int64 { connection.lastInsertedRowID }

    /// Whether a transaction is open.
    package var isInTransaction: Bool { connection.isInTransaction }

    /// Runs every statement of `sql` and drops their rows.
    package mutating func execute(_ sql: String) throws(DatabaseError) {
        try connection.execute(sql)
    }

    /// Runs one statement with `values` for its parameters and returns how many rows it changed.
    @discardableResult
    package mutating func run(_ sql: String, _ values: [SQLValue] = []) throws(DatabaseError) -> Int {
        let before = connection.totalChanges
        let statement = try connection.prepare(sql)
        defer { statement.reset() }
        try statement.bind(values)
        while try statement.step() {}
        return connection.totalChanges == before ? 0 : connection.changes
    }

    /// Lends the prepared statement for `sql`, for many runs; the database waits until it is given back.
    @_lifetime(&self)
    package mutating func prepare(_ sql: String) throws(DatabaseError) -> Statement {
        Statement(try connection.prepare(sql), of: connection)
    }
}

extension Database {
    /// Calls `body` with each row as SQLite finds it, so that a result of any size needs no memory.
    package mutating func query<E: DatabaseErrorConvertible>(
        _ sql: String,
        _ values: [SQLValue] = [],
        row body: (borrowing Row) throws(E) -> Void
    ) throws(E) {
        let statement: StatementHandle
        do { statement = try start(sql, values) } catch { throw E(error) }
        defer { statement.reset() }
        while true {
            do { guard try statement.step() else { return } } catch { throw E(error) }
            try body(Row(statement, of: connection))
        }
    }

    /// Calls `body` with each row as SQLite finds it, so that a result of any size needs no memory.
    package mutating func query(
        _ sql: String,
        _ values: [SQLValue] = [],
        row body: (borrowing Row) -> Void
    ) throws(DatabaseError) {
        try query(sql, values) { (row: borrowing Row) throws(DatabaseError) in body(row) }
    }

    /// What `body` makes of the first row, or nil if there is no row.
    package mutating func first<Value, E: DatabaseErrorConvertible>(
        _ sql: String,
        _ values: [SQLValue] = [],
        row body: (borrowing Row) throws(E) -> Value
    ) throws(E) -> Value? {
        let statement: StatementHandle
        do { statement = try start(sql, values) } catch { throw E(error) }
        defer { statement.reset() }
        do { guard try statement.step() else { return nil } } catch { throw E(error) }
        return try body(Row(statement, of: connection))
    }

    /// What `body` makes of the first row, or nil if there is no row.
    package mutating func first<Value>(
        _ sql: String,
        _ values: [SQLValue] = [],
        row body: (borrowing Row) -> Value
    ) throws(DatabaseError) -> Value? {
        try first(sql, values) { (row: borrowing Row) throws(DatabaseError) in body(row) }
    }

    /// What `body` makes of each row.
    package mutating func all<Value, E: DatabaseErrorConvertible>(
        _ sql: String,
        _ values: [SQLValue] = [],
        row body: (borrowing Row) throws(E) -> Value
    ) throws(E) -> [Value] {
        var result: [Value] = []
        try query(sql, values) { (row: borrowing Row) throws(E) in result.append(try body(row)) }
        return result
    }

    /// What `body` makes of each row.
    package mutating func all<Value>(
        _ sql: String,
        _ values: [SQLValue] = [],
        row body: (borrowing Row) -> Value
    ) throws(DatabaseError) -> [Value] {
        try all(sql, values) { (row: borrowing Row) throws(DatabaseError) in body(row) }
    }

    private mutating func start(_ sql: String, _ values: [SQLValue]) throws(DatabaseError) -> StatementHandle {
        let statement = try connection.prepare(sql)
        do { try statement.bind(values) } catch {
            statement.reset()
            throw error
        }
        return statement
    }
}
