internal import CSQLite

/// The C connection and the statements it has prepared.
///
/// The cache's statements may outlive the call to close: `sqlite3_close_v2` waits for the last of them.
@safe
struct Connection: ~Copyable {
    private let path: String
    private let handle: OpaquePointer
    private var cache: StatementCache

    init(path: String, flags: Int32, busyTimeout: Int) throws(DatabaseError) {
        let opened = unsafe try Self.open(path, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE)
        self.path = path
        unsafe handle = unsafe opened
        cache = StatementCache()
        unsafe sqlite3_busy_timeout(opened, Int32(clamping: busyTimeout))
        unsafe csqlite_keep_log_on_close(opened)
        unsafe sqlite3_wal_autocheckpoint(opened, 0)
    }

    /// Waits up to so many milliseconds for a lock that another connection holds.
    func setBusyTimeout(_ milliseconds: Int) {
        unsafe sqlite3_busy_timeout(handle, Int32(clamping: milliseconds))
    }

    deinit { unsafe sqlite3_close_v2(handle) }

    /// How many rows the last `INSERT`, `UPDATE` or `DELETE` changed.
    var changes: Int { Int(unsafe sqlite3_changes64(handle)) }

    /// How many rows all statements changed since the connection was opened.
    var totalChanges: Int { Int(unsafe sqlite3_total_changes64(handle)) }

    /// The row id of the last row inserted.
    var lastInsertedRowID: Int64 { unsafe sqlite3_last_insert_rowid(handle) }

    /// Whether a transaction is open.
    var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

    /// Runs every statement of `sql` and drops their rows.
    func execute(_ sql: String) throws(DatabaseError) {
        let text = Array(sql.utf8)
        var start = 0
        while start < text.count {
            guard let statement = try prepareNext(text, from: &start, flags: 0) else { continue }
            defer { statement.finalize() }
            while try statement.step() {}
        }
    }

    /// The prepared statement for `sql`, reset and without values; `sql` must be exactly one statement.
    mutating func prepare(_ sql: String) throws(DatabaseError) -> StatementHandle {
        if let statement = cache.statement(for: sql) { return statement }
        let text = Array(sql.utf8)
        var start = 0
        guard let statement = try prepareNext(text, from: &start, flags: SQLITE_PREPARE_PERSISTENT) else {
            throw misuse(of: sql, "there is no statement in it")
        }
        guard text[start...].allSatisfy({ [0x09, 0x0A, 0x0D, 0x20].contains($0) }) else {
            statement.finalize()
            throw misuse(of: sql, "it goes on after its first statement")
        }
        cache.insert(statement, for: sql)
        return statement
    }

    private static func open(_ path: String, _ flags: Int32) throws(DatabaseError) -> OpaquePointer {
        guard !path.utf8.contains(0) else {
            throw DatabaseError(SQLITE_CANTOPEN, "A database cannot be opened: its path contains a NUL character.")
        }
        var opened: OpaquePointer?
        let result = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        guard result == SQLITE_OK, let handle = unsafe opened else {
            let text = unsafe String(cString: sqlite3_errstr(result))
            unsafe sqlite3_close_v2(opened)
            throw DatabaseError(result, "The database \(path) cannot be opened: \(text).")
        }
        return unsafe handle
    }

    /// Prepares the statement that begins at `start` and moves `start` behind it; nil if only blanks are left.
    private func prepareNext(
        _ sql: [UInt8],
        from start: inout Int,
        flags: Int32
    ) throws(DatabaseError) -> StatementHandle? {
        guard let length = Int32(exactly: sql.count - start), !sql.contains(0) else {
            throw misuse(of: "a statement", "it is too long or contains a NUL character")
        }
        var statement: OpaquePointer?
        let (result, used) = unsafe sql.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return (SQLITE_OK, 0) }
            let first = unsafe base.advanced(by: start).assumingMemoryBound(to: CChar.self)
            var tail: UnsafePointer<CChar>?
            let result = unsafe sqlite3_prepare_v3(handle, first, length, UInt32(flags), &statement, &tail)
            return (result, unsafe tail.map { unsafe $0 - first } ?? Int(length))
        }
        guard result == SQLITE_OK else {
            let rest = String(decoding: sql[start...], as: UTF8.self)
            let text = unsafe String(cString: sqlite3_errmsg(handle))
            throw DatabaseError(result, sql: rest, database: path, problem: text)
        }
        start += max(used, 1)
        return unsafe statement.map { unsafe StatementHandle(pointer: $0) }
    }

    private func misuse(of sql: String, _ problem: String) -> DatabaseError {
        DatabaseError(SQLITE_MISUSE, sql: sql, database: path, problem: problem)
    }
}
