internal import POSIX
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
        """,
        // What is known of a replica is what was observed last; attempts and removals stand in the journal. An attempt
        // that failed had been written over what was observed: nothing is known of these any more.
        """
        ALTER TABLE pins ADD COLUMN whole_epoch INTEGER;

        ALTER TABLE backends ADD COLUMN incarnation TEXT NOT NULL DEFAULT '';
        ALTER TABLE backends ADD COLUMN place TEXT NOT NULL DEFAULT '';
        ALTER TABLE backends ADD COLUMN settings TEXT NOT NULL DEFAULT '';
        ALTER TABLE backends ADD COLUMN marker TEXT;
        ALTER TABLE backends ADD COLUMN marked_at INTEGER;
        UPDATE backends SET incarnation = lower(hex(randomblob(10)));
        UPDATE backends SET place = incarnation;

        ALTER TABLE mappings ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE mappings ADD COLUMN is_ours INTEGER NOT NULL DEFAULT 0;
        UPDATE mappings SET is_ours = 1 WHERE status = 'stored';
        UPDATE mappings SET status = 'unknown' WHERE status = 'failed';

        CREATE TABLE observations(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            cid BLOB NOT NULL, backend TEXT NOT NULL, path TEXT NOT NULL,
            finding TEXT NOT NULL, method TEXT NOT NULL, confidence INTEGER NOT NULL, detail TEXT,
            size_bytes INTEGER, block_count INTEGER, car_sha256 BLOB,
            observed_at INTEGER NOT NULL, observed_by TEXT NOT NULL
        );
        CREATE INDEX observations_by_mapping ON observations(backend, cid, number);

        CREATE TABLE journal(
            backend TEXT NOT NULL, cid BLOB NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL, ticket TEXT,
            minimum INTEGER, pin_changed_at INTEGER, others TEXT,
            tries INTEGER NOT NULL DEFAULT 0, next_at INTEGER, last_error TEXT, started_at INTEGER NOT NULL,
            PRIMARY KEY(backend, cid)
        ) WITHOUT ROWID;
        INSERT INTO journal(backend, cid, kind, path, started_at)
            SELECT backend, cid, 'store', '', started_at FROM transfers;
        DROP TABLE transfers;

        -- What counts: of a replica whose removal began nobody knows anything before it is looked at.
        CREATE VIEW replicas AS SELECT
            cid, backend, path, name, metadata, size_bytes, block_count, car_sha256, created_at, updated_at, verified_at,
            verify_method, verified_by, revision, is_ours,
            CASE WHEN EXISTS (
                SELECT 1 FROM journal WHERE journal.backend = mappings.backend AND journal.cid = mappings.cid AND kind = 'remove'
            ) THEN 'unknown' ELSE status END AS status
        FROM mappings;

        DROP TABLE leases;
        CREATE TABLE leases(
            backend TEXT NOT NULL, token TEXT NOT NULL, changes INTEGER NOT NULL,
            host TEXT NOT NULL, boot TEXT NOT NULL, process INTEGER NOT NULL, expires_at INTEGER NOT NULL,
            PRIMARY KEY(backend, token)
        ) WITHOUT ROWID;

        CREATE TABLE peers(
            backend TEXT NOT NULL, kit TEXT NOT NULL, instance TEXT NOT NULL,
            first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
            forgotten_at INTEGER, accepted_at INTEGER,
            PRIMARY KEY(backend, kit, instance)
        ) WITHOUT ROWID;
        """,
        // The clock of a service may be wrong: when a home noticed somebody is a time of its own. A snapshot that is
        // there vouches for nothing that was stored after it.
        """
        ALTER TABLE peers ADD COLUMN noticed_at INTEGER;
        ALTER TABLE backends ADD COLUMN unsaved_since INTEGER;
        ALTER TABLE backends ADD COLUMN marker_identity TEXT;
        UPDATE backends SET settings = '';
        """,
        // What was unpinned here is not pinned again because an older snapshot has it.
        """
        CREATE TABLE unpinned(cid BLOB PRIMARY KEY, unpinned_at INTEGER NOT NULL) WITHOUT ROWID;
        """,
        pages,
        // A CAR may be in several objects.
        """
        ALTER TABLE mappings ADD COLUMN shards TEXT;
        ALTER TABLE observations ADD COLUMN shards TEXT;
        CREATE INDEX mappings_by_status ON mappings(backend, status, size_bytes);
        DROP VIEW replicas;
        CREATE VIEW replicas AS SELECT
            cid, backend, path, name, metadata, size_bytes, block_count, car_sha256, created_at, updated_at, verified_at,
            verify_method, verified_by, revision, is_ours, shards,
            CASE WHEN EXISTS (
                SELECT 1 FROM journal WHERE journal.backend = mappings.backend AND journal.cid = mappings.cid AND kind = 'remove'
            ) THEN 'unknown' ELSE status END AS status
        FROM mappings;
        """,
        // A pin has reasons: its owner, requests, or both. All that there were, their owners made. At the end of every
        // transaction each request has its pin.
        """
        ALTER TABLE pins ADD COLUMN is_owned INTEGER NOT NULL DEFAULT 1;
        CREATE INDEX pins_not_owned ON pins(cid) WHERE is_owned = 0;

        CREATE TABLE requests(
            id TEXT PRIMARY KEY, cid BLOB NOT NULL REFERENCES pins(cid) DEFERRABLE INITIALLY DEFERRED,
            name TEXT NOT NULL, folded_name TEXT NOT NULL, metadata TEXT NOT NULL, origins TEXT NOT NULL,
            created_at INTEGER NOT NULL UNIQUE, created_by TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX requests_by_cid ON requests(cid, created_at);
        """,
        counts,
        // Answers have an age: when the last sync failed, and when what is stored was looked at first and last.
        """
        ALTER TABLE backends ADD COLUMN problem_at INTEGER;
        CREATE INDEX mappings_by_evidence ON mappings(backend, verified_at) WHERE status = 'stored';

        CREATE TABLE plans(
            id TEXT PRIMARY KEY, operation TEXT NOT NULL, inputs TEXT NOT NULL, effects TEXT, digest BLOB NOT NULL,
            generation INTEGER NOT NULL, surface TEXT NOT NULL, maker TEXT NOT NULL,
            made_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
            applied_at INTEGER, applied_by TEXT, code INTEGER
        ) WITHOUT ROWID;
        """,
    ]

    /// How many mappings of each status there are, and the bytes of those that are stored, kept as they change.
    ///
    /// Replacing a row fires no trigger for the one that goes, so mappings are never replaced.
    private static let counts = """
        DROP INDEX mappings_by_status;
        CREATE TABLE mapping_counts(
            backend TEXT NOT NULL, status TEXT NOT NULL, number INTEGER NOT NULL, bytes INTEGER NOT NULL,
            PRIMARY KEY(backend, status)
        ) WITHOUT ROWID;
        INSERT INTO mapping_counts \(counted);
        CREATE TRIGGER count_insert AFTER INSERT ON mappings BEGIN \(counting("NEW", 1)) END;
        CREATE TRIGGER count_delete AFTER DELETE ON mappings BEGIN \(counting("OLD", -1)) END;
        CREATE TRIGGER count_update AFTER UPDATE OF backend, status, size_bytes ON mappings
            WHEN OLD.status <> NEW.status OR OLD.backend <> NEW.backend OR OLD.size_bytes IS NOT NEW.size_bytes
            BEGIN \(counting("OLD", -1)) \(counting("NEW", 1)) END;
        """

    /// Selects the counts anew, from all mappings.
    static let counted = """
        SELECT backend, status, count(*), CAST(total(\(storedBytes("mappings"))) AS INTEGER)
            FROM mappings GROUP BY backend, status
        """

    /// The bytes of a row that count: of those that are stored, each as far as it can be added exactly.
    private static func storedBytes(_ row: String) -> String {
        "CASE \(row).status WHEN 'stored' THEN min(coalesce(\(row).size_bytes, 0), \(1 << 53)) ELSE 0 END"
    }

    private static func counting(_ row: String, _ number: Int) -> String {
        """
        INSERT INTO mapping_counts VALUES(\(row).backend, \(row).status, \(number), \(number) * \(storedBytes(row)))
            ON CONFLICT(backend, status)
            DO UPDATE SET number = number + excluded.number, bytes = bytes + excluded.bytes;
        """
    }

    /// What snapshots share.
    ///
    /// How rows were cut into pages when they were last, the rows that changed since, and in which objects of a backend
    /// pages are. A list without a row in `row_lists` is read whole, and its changes are not noted: all of this can be
    /// deleted.
    private static let pages = """
        CREATE TABLE row_lists(
            name TEXT PRIMARY KEY, version INTEGER NOT NULL, seen INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE row_pages(
            list TEXT NOT NULL, first BLOB NOT NULL, cid BLOB NOT NULL, rows INTEGER NOT NULL,
            PRIMARY KEY(list, first)
        ) WITHOUT ROWID;
        CREATE TABLE row_changes(
            number INTEGER PRIMARY KEY AUTOINCREMENT, list TEXT NOT NULL, cid BLOB NOT NULL
        );
        CREATE UNIQUE INDEX row_changes_by_row ON row_changes(list, cid);

        CREATE TABLE page_objects(
            backend TEXT NOT NULL, name TEXT NOT NULL, length INTEGER NOT NULL, live INTEGER NOT NULL,
            retired_at INTEGER, PRIMARY KEY(backend, name)
        ) WITHOUT ROWID;
        CREATE TABLE page_digests(
            backend TEXT NOT NULL, name TEXT NOT NULL, digests BLOB NOT NULL, PRIMARY KEY(backend, name)
        );

        """
        + [("INSERT", "NEW"), ("DELETE", "OLD"), ("UPDATE OF name, metadata, replicas, created_at, updated_at", "NEW")]
        .map { noting($0, on: "pins", list: "''", row: $1) }.joined()
        + [("INSERT", "NEW"), ("DELETE", "OLD"), ("UPDATE", "NEW")]
        .map { noting($0, on: "mappings", list: "\($1).backend", row: $1) }.joined()
        // A removal that begins or ends is a change of what counts.
        + [("INSERT", "NEW"), ("DELETE", "OLD"), ("UPDATE", "NEW")]
        .map { noting($0, on: "journal", list: "\($1).backend", row: $1) }.joined()

    /// A trigger that notes a row as changed, under a number that none had before.
    private static func noting(_ event: String, on table: String, list: String, row: String) -> String {
        let name = "\(table)_\(event.prefix { $0 != " " }.lowercased())_is_noted"
        return """
            CREATE TRIGGER \(name) AFTER \(event) ON \(table) WHEN EXISTS (SELECT 1 FROM row_lists WHERE name = \(list))
            BEGIN
                DELETE FROM row_changes WHERE list = \(list) AND cid = \(row).cid;
                INSERT INTO row_changes(list, cid) VALUES(\(list), \(row).cid);
            END;

            """
    }

    /// Whether a database has not the tables of today; throws `tooNew` where a later version of the program was at
    /// work.
    static func areNeeded(for database: inout Database) throws(CatalogError) -> Bool {
        let version = try version(of: &database)
        guard version <= all.count else {
            throw CatalogError(
                .tooNew,
                "The catalog was written by a later version of ipfs-kit, and this one would damage it."
            )
        }
        return version < all.count
    }

    /// Brings a database up to today's tables; one that has something in it is copied first.
    static func apply(to database: inout Database, at path: String) throws(CatalogError) {
        // Another process may have done it while this one waited for the lock.
        let version = try version(of: &database)
        guard version < all.count else { return }
        if version > 0 { try keep(&database, version, path) }
        try database.transaction(.immediate) { (database: inout Database) throws(CatalogError) in
            do throws(DatabaseError) {
                for step in all.dropFirst(version) { try database.execute(step) }
                try database.setUserVersion(Int32(all.count))
            } catch {
                throw CatalogError(error)
            }
            // Who counts the changes of the list goes on from where it was.
            if try database.value("pins_count") == nil { try database.sumPins() }
            if try database.value("catalog_id") == nil { try database.setValue("catalog_id", randomIdentifier()) }
        }
    }

    /// Leaves a copy of the catalog as it is beside it, such as `catalog-1.sqlite`.
    private static func keep(_ database: inout Database, _ version: Int, _ path: String) throws(CatalogError) {
        let copy = directoryName(path) + "/catalog-\(version).sqlite"
        do throws(FileError) {
            guard try !fileExists(copy) else { return }
        } catch {
            throw CatalogError(error)
        }
        let temporary = temporaryName(beside: copy)
        try database.copy(to: temporary)
        defer { try? removeFile(temporary) }
        do throws(FileError) {
            try publish(temporary, as: copy, replacing: false).get()
        } catch {
            // Somebody else kept the same.
            guard error.code != .exists else { return }
            throw CatalogError(error)
        }
    }

    /// The version of the tables; 0 where there are none.
    static func version(of database: inout Database) throws(CatalogError) -> Int {
        let (version, tables): (Int, Int64)
        do throws(DatabaseError) {
            version = try database.userVersion()
            tables = try database.first("SELECT count(*) FROM sqlite_master") { $0.int64(0) } ?? 0
        } catch {
            throw CatalogError(error)
        }
        // Tables come with their version.
        guard version >= 0, version > 0 || tables == 0 else {
            throw CatalogError(
                .corrupt,
                "The catalog says that its tables have the version \(version), which none have."
            )
        }
        return version
    }
}
