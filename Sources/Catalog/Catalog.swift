internal import POSIX
package import Schema
internal import SQLite
internal import Synchronization

/// What the kit knows: pins, backends and how clean they are, where every CID is and how that is known.
///
/// What a call acknowledged is on the disk. Several processes may use one catalog at once.
package final class Catalog: Sendable {
    private let database: Mutex<Database>
    /// The time, in milliseconds since 1970.
    let now: @Sendable () -> Int64

    /// The time now.
    package var time: Timestamp { Timestamp(milliseconds: now()) }

    /// Opens the catalog at `path`, making or upgrading its tables where needed.
    package init(path: String, now: @escaping @Sendable () -> Int64 = currentMilliseconds) throws(CatalogError) {
        self.now = now
        do throws(DatabaseError) {
            var database = try Database(path: path, busyTimeout: 60_000)
            // FULL makes each commit reach the disk before it returns: an acknowledgement depends on that.
            try database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000")
            self.database = Mutex(database)
        } catch {
            throw CatalogError(error)
        }
        try self.database.withLock { (database) throws(CatalogError) in try Migrations.apply(to: &database) }
    }

    /// Runs `body` on a thread that may block, with a view of the catalog that does not change meanwhile.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (inout Database) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        try await run(.deferred, body)
    }

    /// Runs `body` on a thread that may block, in one transaction: all of its changes are made, or none.
    @discardableResult
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (inout Database) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        try await run(.immediate, body)
    }

    private func run<Value: Sendable>(
        _ kind: Database.TransactionKind,
        _ body: @escaping @Sendable (inout Database) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        try await BlockingThreads.shared.run { [self] () throws(CatalogError) in
            try database.withLock { (database) throws(CatalogError) in
                try database.transaction(kind) { (database: inout Database) throws(CatalogError) in
                    try body(&database)
                }
            }
        }
    }

    /// Something that this kit remembers under a key, such as its own identifier.
    package func value(_ key: String) async throws(CatalogError) -> String? {
        try await read { (database) throws(CatalogError) in
            try database.first("SELECT value FROM kit WHERE key = ?", [.text(key)]) {
                (row: borrowing Row) throws(CatalogError) in row.text(0)
            }
        }
    }

    /// Remembers something under a key, in the place of what was there.
    package func replace(_ key: String, _ value: String) async throws(CatalogError) {
        try await write { (database) throws(CatalogError) in
            _ = try database.change("INSERT OR REPLACE INTO kit(key, value) VALUES(?, ?)", [.text(key), .text(value)])
        }
    }

    /// Remembers something under a key unless there is something already; returns what is there now.
    package func settle(_ key: String, _ value: String) async throws(CatalogError) -> String {
        try await write { (database) throws(CatalogError) in
            try database.change("INSERT OR IGNORE INTO kit(key, value) VALUES(?, ?)", [.text(key), .text(value)])
            return try database.first("SELECT value FROM kit WHERE key = ?", [.text(key)]) {
                (row: borrowing Row) throws(CatalogError) in row.text(0)
            } ?? value
        }
    }
}

extension Database {
    /// Runs one statement; returns how many rows it changed.
    @discardableResult
    mutating func change(_ sql: String, _ values: [SQLValue] = []) throws(CatalogError) -> Int {
        do throws(DatabaseError) {
            return try run(sql, values)
        } catch {
            throw CatalogError(error)
        }
    }
}
