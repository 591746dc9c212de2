internal import Multiformats
internal import POSIX
internal import SQLite
internal import Synchronization

/// Where every block is, by its multihash: a database that can be made again from the packs alone.
final class BlockIndex: Sendable {
    private let database: Mutex<Database>
    let path: String

    /// Opens the index, or makes an empty one.
    init(path: String) throws(StoreError) {
        self.path = path
        do {
            var database = try Database(path: path, busyTimeout: 60_000)
            try Self.prepare(&database)
            self.database = Mutex(database)
        } catch {
            throw StoreError(error)
        }
    }

    private static func prepare(_ database: inout Database) throws(DatabaseError) {
        // With the log and FULL, a commit is on the disk when it returns; readers never wait for a writer.
        try database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        guard try database.userVersion() == 0 else { return }
        try database.transaction(.immediate) { (database: inout Database) throws(DatabaseError) in
            guard try database.userVersion() == 0 else { return }
            try database.execute(
                """
                CREATE TABLE packs(id INTEGER PRIMARY KEY, length INTEGER NOT NULL);
                CREATE TABLE blocks(
                    hash BLOB PRIMARY KEY, pack INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL
                ) WITHOUT ROWID;
                """
            )
            try database.setUserVersion(1)
        }
    }

    /// Where the blocks are, in the order of `hashes`; nil for one that is not there.
    func locate(_ hashes: [Multihash]) throws(StoreError) -> [BlockLocation?] {
        try withDatabase { (database: inout Database) throws(StoreError) in
            var found: [BlockLocation?] = []
            found.reserveCapacity(hashes.count)
            for hash in hashes {
                let location = try database.first(
                    "SELECT pack, offset, length FROM blocks WHERE hash = ?",
                    [.blob(hash.bytes)]
                ) { (row: borrowing Row) throws(StoreError) in
                    BlockLocation(pack: row.int64(0), offset: UInt64(row.int64(1)), length: Int(row.int64(2)))
                }
                found.append(location)
            }
            return found
        }
    }

    /// The packs that hold indexed blocks, and the length of each that counts: what lies beyond was never committed.
    func packs() throws(StoreError) -> [(id: Int64, length: UInt64)] {
        try withDatabase { (database: inout Database) throws(StoreError) in
            try database.all("SELECT id, length FROM packs ORDER BY id") { (row: borrowing Row) throws(StoreError) in
                (row.int64(0), UInt64(row.int64(1)))
            }
        }
    }

    /// The length of a pack that counts; 0 for one that is not known.
    func length(of pack: Int64) throws(StoreError) -> UInt64 {
        try withDatabase { (database: inout Database) throws(StoreError) in
            try database.first("SELECT length FROM packs WHERE id = ?", [.integer(pack)]) {
                (row: borrowing Row) throws(StoreError) in UInt64(row.int64(0))
            } ?? 0
        }
    }

    /// Adds blocks and the new length of their pack in one transaction; of blocks that are known already, the old
    /// place stays, unless `moves` says that the new one counts.
    func add(
        _ blocks: [(hash: Multihash, location: BlockLocation)],
        pack: Int64,
        length: UInt64,
        moves: Bool = false
    ) throws(StoreError) {
        try withDatabase { (database: inout Database) throws(StoreError) in
            try database.transaction(.immediate) { (database: inout Database) throws(StoreError) in
                do throws(DatabaseError) {
                    try database.run(
                        "INSERT INTO packs(id, length) VALUES(?, ?) ON CONFLICT(id) DO UPDATE SET length = excluded.length",
                        [.integer(pack), .integer(Int64(length))]
                    )
                    // Sorted keys go into the tree in one sweep instead of all over it.
                    for block in blocks.sorted(by: { $0.hash < $1.hash }) {
                        try database.run(
                            """
                            INSERT OR \(moves ? "REPLACE" : "IGNORE")
                            INTO blocks(hash, pack, offset, length) VALUES(?, ?, ?, ?)
                            """,
                            [
                                .blob(block.hash.bytes), .integer(block.location.pack),
                                .integer(Int64(block.location.offset)), .integer(Int64(block.location.length)),
                            ]
                        )
                    }
                } catch {
                    throw StoreError(error)
                }
            }
        }
    }

    /// Forgets a block whose bytes turned out to be damaged, so that it counts as missing and can be stored again.
    func forget(_ hash: Multihash, at location: BlockLocation) throws(StoreError) {
        try withDatabase { (database: inout Database) throws(StoreError) in
            do throws(DatabaseError) {
                try database.run(
                    "DELETE FROM blocks WHERE hash = ? AND pack = ? AND offset = ?",
                    [.blob(hash.bytes), .integer(location.pack), .integer(Int64(location.offset))]
                )
            } catch {
                throw StoreError(error)
            }
        }
    }

    /// Hands every block to `body`.
    func each(_ body: (Multihash, BlockLocation) throws(StoreError) -> Void) throws(StoreError) {
        try withDatabase { (database: inout Database) throws(StoreError) in
            try database.query("SELECT hash, pack, offset, length FROM blocks") {
                (row: borrowing Row) throws(StoreError) in
                guard let hash = try? Multihash(bytes: row.bytes(0)) else { return }
                try body(
                    hash,
                    BlockLocation(pack: row.int64(1), offset: UInt64(row.int64(2)), length: Int(row.int64(3)))
                )
            }
        }
    }

    /// The number of blocks of a pack.
    func count(in pack: Int64) throws(StoreError) -> UInt64 {
        try withDatabase { (database: inout Database) throws(StoreError) in
            try database.first("SELECT count(*) FROM blocks WHERE pack = ?", [.integer(pack)]) {
                (row: borrowing Row) throws(StoreError) in UInt64(row.int64(0))
            } ?? 0
        }
    }

    /// Forgets all blocks that a pack still has; its number is never used again.
    func empty(_ pack: Int64) throws(StoreError) {
        try change { (database: inout Database) throws(DatabaseError) in
            try database.run("DELETE FROM blocks WHERE pack = ?", [.integer(pack)])
            try database.run("UPDATE packs SET length = 0 WHERE id = ?", [.integer(pack)])
        }
    }

    /// Forgets everything, so that it can be made again from the packs.
    func clear() throws(StoreError) {
        try change { (database: inout Database) throws(DatabaseError) in
            try database.run("DELETE FROM blocks")
            try database.run("UPDATE packs SET length = 0")
        }
    }

    private func change(
        _ body: (inout Database) throws(DatabaseError) -> Void
    ) throws(StoreError) {
        try withDatabase { (database: inout Database) throws(StoreError) in
            try database.transaction(.immediate) { (database: inout Database) throws(StoreError) in
                do throws(DatabaseError) { try body(&database) } catch { throw StoreError(error) }
            }
        }
    }

    /// The number of blocks and of their bytes.
    func totals() throws(StoreError) -> (blocks: UInt64, bytes: UInt64) {
        try withDatabase { (database: inout Database) throws(StoreError) in
            try database.first("SELECT count(*), coalesce(sum(length), 0) FROM blocks") {
                (row: borrowing Row) throws(StoreError) in (UInt64(row.int64(0)), UInt64(row.int64(1)))
            } ?? (0, 0)
        }
    }

    private func withDatabase<Value: Sendable>(
        _ body: (inout Database) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        try database.withLock { (database) throws(StoreError) in try body(&database) }
    }
}
