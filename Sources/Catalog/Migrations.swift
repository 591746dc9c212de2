internal import SQLite

/// The steps that lead from an empty database to the tables of today; one that was released is never changed.
enum Migrations {
    static let all: [String] = [
        """
        CREATE TABLE kit(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

        CREATE TABLE pins(
            cid BLOB PRIMARY KEY, name TEXT NOT NULL, metadata TEXT NOT NULL, replicas INTEGER,
            created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
        ) WITHOUT ROWID;

        CREATE TABLE backends(
            name TEXT PRIMARY KEY,
            generation INTEGER NOT NULL, synced_generation INTEGER NOT NULL DEFAULT 0,
            reason TEXT NOT NULL, dirty_since INTEGER NOT NULL,
            synced_at INTEGER, note TEXT, problem TEXT
        ) WITHOUT ROWID;

        CREATE TABLE mappings(
            cid BLOB NOT NULL, backend TEXT NOT NULL, path TEXT NOT NULL, status TEXT NOT NULL,
            name TEXT NOT NULL, metadata TEXT NOT NULL,
            size_bytes INTEGER, block_count INTEGER, car_sha256 BLOB,
            created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
            verified_at INTEGER, verify_method TEXT, verified_by TEXT,
            PRIMARY KEY(cid, backend)
        ) WITHOUT ROWID;
        CREATE INDEX mappings_by_backend ON mappings(backend, cid);

        CREATE TABLE transfers(
            backend TEXT NOT NULL, cid BLOB NOT NULL, started_at INTEGER NOT NULL,
            PRIMARY KEY(backend, cid)
        ) WITHOUT ROWID;

        CREATE TABLE leases(
            backend TEXT PRIMARY KEY, token TEXT NOT NULL, host TEXT NOT NULL, boot TEXT NOT NULL,
            process INTEGER NOT NULL, expires_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        """
    ]

    /// Brings a database up to today's tables; `tooNew` where a later version of the program has been at work.
    static func apply(to database: inout Database) throws(CatalogError) {
        let version = try version(of: &database)
        guard version <= all.count else {
            throw CatalogError(
                .tooNew,
                "The catalog was written by a later version of ipfs-kit, and this one would damage it."
            )
        }
        guard version < all.count else { return }
        try database.transaction(.immediate) { (database: inout Database) throws(CatalogError) in
            // Another process may have done it while this one waited for the lock.
            let version = try Self.version(of: &database)
            do throws(DatabaseError) {
                for step in all.dropFirst(version) { try database.execute(step) }
                try database.setUserVersion(Int32(all.count))
            } catch {
                throw CatalogError(error)
            }
        }
    }

    private static func version(of database: inout Database) throws(CatalogError) -> Int {
        do throws(DatabaseError) {
            return try database.userVersion()
        } catch {
            throw CatalogError(error)
        }
    }
}
