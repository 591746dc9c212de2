internal import POSIX
package import Schema
internal import SQLite
internal import Synchronization

/// What the kit knows: pins, backends and how clean they are, where every CID is and how that is known.
///
/// What a call acknowledged is on the disk. Several processes may use one catalog at once. Nothing but SQLite opens its
/// file: closing another descriptor of it would drop the locks that SQLite holds.
package final class Catalog: Sendable {
    // Functions are kept in structures: one that is kept alone under a lock is wrapped anew at each look at it, and
    // what it is wrapped in grows without end.
    struct Listener: Sendable {
        var teller: (@Sendable () -> @Sendable ([CatalogEvent]) -> Void)?
    }

    private struct Watcher: Sendable {
        var body: (@Sendable (OwnState) -> Void)?
    }

    private let connections: Connections
    /// Held by whoever of this process writes: he waits here, and not for the lock between processes.
    private let writing = Mutex(())
    /// The path of the file.
    package let path: String
    /// The folder of the files by which processes exclude one another.
    let locks: String
    /// Whether the home was found to be a copy when this was opened.
    let isNewInstance: Bool
    /// Told of each change of the list of pins when it is on the disk: how far the list has come.
    private let watcher = Mutex(Watcher())
    /// Gives, in the task of a writer, what tells of his changes when they are on the disk.
    let listener = Mutex(Listener())
    /// Backends that lead elsewhere, as this process sees it.
    let astray = Mutex<Set<String>>([])
    /// The files that nothing but SQLite opens.
    private let held: [FileInfo.Identity]
    /// The file that was opened; nil where nobody can say.
    private let identity: FileInfo.Identity?
    /// The time, in milliseconds since 1970.
    let now: @Sendable () -> Int64

    /// The time now.
    package var time: Timestamp { Timestamp(milliseconds: now()) }

    /// The version of the SQLite library.
    package static var libraryVersion: String { Database.libraryVersion }

    /// How long another process may hold what is needed, in milliseconds.
    private static let patience = 20_000
    /// The log is copied back when it is longer than this, in bytes.
    private static let longestLog: UInt64 = 4 << 20

    /// Opens the catalog at `path`, upgrading its tables where needed.
    ///
    /// Throws `missing` where there is none, and where nothing is in it: only ``make(at:now:)`` makes one.
    package convenience init(
        path: String,
        now: @escaping @Sendable () -> Int64 = currentMilliseconds
    ) throws(CatalogError) {
        try self.init(path, makesIt: false, now)
    }

    /// Opens the catalog at `path`, making it, or completing one that nothing is in yet.
    package static func make(
        at path: String,
        now: @escaping @Sendable () -> Int64 = currentMilliseconds
    ) throws(CatalogError) -> Catalog {
        try Catalog(path, makesIt: true, now)
    }

    private init(
        _ path: String,
        makesIt: Bool,
        _ now: @escaping @Sendable () -> Int64
    ) throws(CatalogError) {
        self.path = path
        self.now = now
        locks = directoryName(path) + "/locks"
        guard try makesIt ? true : Self.isThere(path) else {
            throw CatalogError(.missing, "There is no catalog at \(path).")
        }
        try Self.makeFolder(locks)
        var database = try Self.open(path, makesIt: makesIt)
        if try Migrations.areNeeded(for: &database) {
            let lock = try Self.lock(locks)
            try Migrations.apply(to: &database, at: path)
            withExtendedLifetime(lock) {}
        }
        do throws(CatalogError) {
            isNewInstance = try Self.settle(&database, at: path, locks, now())
        } catch {
            // A home that cannot be written to can be looked at still.
            guard error.code == .permissionDenied, !makesIt else { throw error }
            isNewInstance = false
        }
        let identity = (try? fileInfo(path, follow: true))?.identity
        self.identity = identity
        connections = Connections(database) { () throws(CatalogError) in
            var another = try Self.open(path, makesIt: false)
            try Self.expect(identity, at: path)
            // Several of them stay open: together they take little more memory than the first one.
            try another.change("PRAGMA cache_size = -2000")
            return another
        }
        held = LockedFiles.hold(["", "-wal", "-shm"].map { path + $0 })
    }

    /// Whether there is a catalog at `path`, and not only its file.
    package static func hasTables(at path: String) throws(CatalogError) -> Bool {
        var database = try connect(path, makesIt: false)
        return try Migrations.version(of: &database) > 0
    }

    private static func connect(_ path: String, makesIt: Bool) throws(CatalogError) -> Database {
        let kind = (try? fileInfo(path, follow: true))?.kind
        guard kind == nil || kind == .file else {
            throw CatalogError(.corrupt, "The catalog \(path) is no file: something else is in its place.")
        }
        do throws(DatabaseError) {
            return try Database(path: path, mode: makesIt ? .readWriteCreate : .readWrite, busyTimeout: patience)
        } catch {
            throw CatalogError(error)
        }
    }

    /// What the catalog says now, at once and on this thread, of itself and of the store that belongs to it.
    package func ownState() throws(CatalogError) -> OwnState {
        try connections.use { (database) throws(CatalogError) in
            try database.transaction(.deferred) { (database: inout Database) throws(CatalogError) in
                try OwnState(&database)
            }
        }
    }

    /// Notes, at once and on this thread, which store belongs to the catalog.
    package func adopt(store identity: String) throws(CatalogError) {
        try change { (database) throws(CatalogError) in
            // How new another store was says nothing of this one.
            if let known = try database.value("store_id"), known != identity {
                try database.change("DELETE FROM kit WHERE key = 'store_generation'")
            }
            try database.setValue("store_id", identity)
        }
    }

    /// Notes, at once and on this thread, that the store knows the name of the catalog.
    package func forgetFormerName() throws(CatalogError) {
        try change { (database) throws(CatalogError) in
            try database.change("DELETE FROM kit WHERE key = 'former_catalog_id'")
        }
    }

    private func change(_ body: (inout Database) throws(CatalogError) -> Void) throws(CatalogError) {
        try writing.withLock { (_) throws(CatalogError) in
            try connections.use { (database) throws(CatalogError) in
                let lock = try Self.lock(locks)
                defer { withExtendedLifetime(lock) {} }
                try database.transaction(.immediate) { (database: inout Database) throws(CatalogError) in
                    try body(&database)
                }
            }
        }
    }

    /// Has `body` told of each change of the list of pins.
    package func onPinsChanged(_ body: @escaping @Sendable (OwnState) -> Void) { watcher.withLock { $0.body = body } }

    /// Tells who wants to know how far the list of pins has come.
    func tellPinsChanged() async {
        guard let body = watcher.withLock({ $0.body }) else { return }
        let state = try? await read { (database) throws(CatalogError) in try OwnState(&database) }
        if let state { body(state) }
    }

    private static let leftOpen = Mutex<[Catalog]>([])

    /// Leaves the files as they are until the process ends: what they seem to hold is not what they should, and whoever
    /// closes a log that was misread, ends it where it seemed to end.
    package func leaveOpen() { Self.leftOpen.withLock { $0.append(self) } }

    deinit {
        defer { LockedFiles.release(held) }
        // What others do not hold is copied back, so that the file alone is the catalog while nobody uses it.
        let log = path + "-wal"
        guard let length = try? fileInfo(log).length, length > 0, let lock = try? Self.lockFile(locks),
            (try? lock.tryLock()) == true
        else { return }
        try? connections.use { (database) throws(CatalogError) in Self.checkpoint(&database) }
        withExtendedLifetime(lock) {}
    }

    private static func open(_ path: String, makesIt: Bool) throws(CatalogError) -> Database {
        if makesIt { try makeFile(path) }
        var database = try connect(path, makesIt: makesIt)
        let version = try Migrations.version(of: &database)
        guard makesIt || version > 0 else {
            throw CatalogError(.missing, "There is nothing in the catalog \(path).")
        }
        do throws(DatabaseError) {
            // FULL makes each commit reach the disk before it returns: an acknowledgement depends on that.
            try database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000")
            return database
        } catch {
            throw CatalogError(error)
        }
    }

    private static func isThere(_ path: String) throws(CatalogError) -> Bool {
        do throws(FileError) { return try fileExists(path) } catch { throw CatalogError(error) }
    }

    /// Makes the empty file, open to its owner only: SQLite gives the same permissions to those beside it.
    ///
    /// Of a file that was not there nobody has a lock that closing it could drop.
    private static func makeFile(_ path: String) throws(CatalogError) {
        do throws(FileError) {
            guard try !fileExists(path) else { return }
            _ = try File(path, .createNew, permissions: 0o600)
        } catch {
            guard error.code != .exists else { return }
            throw CatalogError(error)
        }
    }

    private static func makeFolder(_ path: String) throws(CatalogError) {
        do throws(FileError) { try makeDirectory(path, permissions: 0o700) } catch { throw CatalogError(error) }
    }

    /// The lock under which everything is written, and the log copied back, by all processes.
    static func lock(_ folder: String) throws(CatalogError) -> File {
        do throws(FileError) {
            let file = try lockFile(folder)
            try file.lock()
            return file
        } catch {
            throw CatalogError(error)
        }
    }

    private static func lockFile(_ folder: String) throws(FileError) -> File {
        try File.ofLock(folder + "/catalog")
    }

    /// Copies the log back as far as no reader needs it.
    private static func checkpoint(_ database: inout Database) {
        database.setBusyTimeout(0)
        _ = try? database.checkpoint(.truncate)
        database.setBusyTimeout(patience)
    }

    /// Runs `body` on a thread that may block, with a view of the catalog that does not change meanwhile.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (inout Database) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        try await BlockingThreads.shared.run { [self] () throws(CatalogError) in
            try connections.use { (database) throws(CatalogError) in
                do throws(CatalogError) {
                    try Self.setReadOnly(true, &database)
                    let value = try database.transaction(.deferred) { (database: inout Database) throws(CatalogError) in
                        try body(&database)
                    }
                    try Self.setReadOnly(false, &database)
                    return value
                } catch {
                    try? Self.setReadOnly(false, &database)
                    throw error
                }
            }
        }
    }

    /// Runs `body` on a thread that may block, in one transaction: all of its changes are made, or none.
    ///
    /// One process writes at a time, under a lock of its own, and only under that lock is the log copied back: in
    /// SQLite before 3.51.3 a commit that begins the log anew while another connection copies it back can be lost.
    @discardableResult
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (inout Database) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        try await writeAndTell { (database) throws(CatalogError) in (try body(&database), []) }
    }

    /// The same, and tells of the events that `body` gives once they are on the disk, before anybody changes more.
    @discardableResult
    func writeAndTell<Value: Sendable>(
        _ body: @escaping @Sendable (inout Database) throws(CatalogError) -> (Value, [CatalogEvent])
    ) async throws(CatalogError) -> Value {
        let tell = listener.withLock { $0.teller }?()
        return try await BlockingThreads.shared.run { [self] () throws(CatalogError) in
            try writing.withLock { (_) throws(CatalogError) in
                try connections.use { (database) throws(CatalogError) in
                    let lock = try Self.lock(locks)
                    defer { withExtendedLifetime(lock) {} }
                    try Self.expect(identity, at: path)
                    let (value, events) = try database.transaction(.immediate) {
                        (database: inout Database) throws(CatalogError) in
                        try body(&database)
                    }
                    if !events.isEmpty { tell?(events) }
                    if let log = try? fileInfo(path + "-wal"), log.length > Self.longestLog {
                        Self.checkpoint(&database)
                    }
                    return value
                }
            }
        }
    }

    /// Throws where another file has taken the name: what is written to this one would be lost, and what is read from
    /// that one is of another catalog.
    private static func expect(_ identity: FileInfo.Identity?, at path: String) throws(CatalogError) {
        guard let identity, (try? fileInfo(path, follow: true))?.identity != identity else { return }
        throw CatalogError(
            .fenced,
            "The catalog \(path) was taken away, or replaced by another one, while this command was at work: nothing was written. "
                + "Run it again."
        )
    }

    private static func setReadOnly(_ flag: Bool, _ database: inout Database) throws(CatalogError) {
        try database.change("PRAGMA query_only = \(flag ? 1 : 0)")
    }
}

extension Catalog {
    /// Something that this kit remembers under a key, such as its own identifier.
    package func value(_ key: String) async throws(CatalogError) -> String? {
        try await read { (database) throws(CatalogError) in try database.value(key) }
    }

    /// Remembers something under a key, in the place of what was there.
    package func replace(_ key: String, _ value: String) async throws(CatalogError) {
        try await write { (database) throws(CatalogError) in try database.setValue(key, value) }
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

    /// What is remembered under a key.
    mutating func value(_ key: String) throws(CatalogError) -> String? {
        try first("SELECT value FROM kit WHERE key = ?", [.text(key)]) { (row: borrowing Row) throws(CatalogError) in
            row.text(0)
        }
    }

    /// Remembers something under a key.
    mutating func setValue(_ key: String, _ value: String) throws(CatalogError) {
        try change("INSERT OR REPLACE INTO kit(key, value) VALUES(?, ?)", [.text(key), .text(value)])
    }

    /// A number that is remembered under a key; 0 where there is none.
    mutating func number(_ key: String) throws(CatalogError) -> Int64 { try value(key).flatMap { Int64($0) } ?? 0 }
}

extension CatalogError {
    /// What a failed file call means for the catalog.
    init(_ error: FileError) {
        let code: Code =
            switch error.code {
            case .full: .full
            case .permissionDenied, .readOnly: .permissionDenied
            case .unavailable: .inputOutput
            case .wouldBlock: .busy
            // Something else stands in the place of a file.
            case .isADirectory, .notAFile, .notADirectory, .linksWithoutEnd: .obstructed
            default: .unexpected
            }
        self.init(code, error.description)
    }
}
