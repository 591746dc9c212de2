extension Database {
    /// When a transaction takes its locks.
    package enum TransactionKind: String, Sendable {
        /// At the first statement that needs one.
        case deferred = "DEFERRED"

        /// The write lock at once.
        case immediate = "IMMEDIATE"

        /// The write lock at once, keeping readers out too unless the database is in WAL mode.
        case exclusive = "EXCLUSIVE"
    }

    /// Which part of the write-ahead log a checkpoint brings home.
    package enum CheckpointKind: String, Sendable {
        case passive = "PASSIVE"
        case full = "FULL"
        case restart = "RESTART"
        case truncate = "TRUNCATE"
    }

    /// Runs `body` in a transaction, commits it, and undoes it if `body` or the commit throws.
    package mutating func transaction<Value, E: DatabaseErrorConvertible>(
        _ kind: TransactionKind = .immediate,
        _ body: (inout Database) throws(E) -> Value
    ) throws(E) -> Value {
        do { try run("BEGIN \(kind.rawValue)") } catch { throw E(error) }
        let value: Value
        do { value = try body(&self) } catch {
            undo()
            throw error
        }
        do { try run("COMMIT") } catch {
            undo()
            throw E(error)
        }
        return value
    }

    /// Copies the write-ahead log into the database file; true if another connection kept it from finishing.
    @discardableResult
    package mutating func checkpoint(_ kind: CheckpointKind = .truncate) throws(DatabaseError) -> Bool {
        try first("PRAGMA wal_checkpoint(\(kind.rawValue))") { $0.int64(0) != 0 } ?? false
    }

    /// The version number kept in the database's header (`PRAGMA user_version`).
    package mutating func userVersion() throws(DatabaseError) -> Int {
        try first("PRAGMA user_version") { Int($0.int64(0)) } ?? 0
    }

    /// Sets the version number kept in the database's header.
    package mutating func setUserVersion(_ version: Int32) throws(DatabaseError) {
        try execute("PRAGMA user_version = \(version)")
    }

    private mutating func undo() {
        // After some failures (a full disk, for one) SQLite has already rolled back by itself. Should the roll-back
        // itself fail, then the error that led here is the one worth reporting.
        guard isInTransaction else { return }
        _ = try? run("ROLLBACK")
    }
}
