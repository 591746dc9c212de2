import Foundation
import SQLite
import Synchronization
import Testing

private enum ShopError: DatabaseErrorConvertible, Equatable {
    case closed
    case database(DatabaseError)

    init(_ error: DatabaseError) {
        self = .database(error)
    }
}

private func shop() throws(DatabaseError) -> Database {
    var database = try Database(path: ":memory:")
    try database.execute("CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT UNIQUE, price REAL, photo BLOB);")
    return database
}

private final class Shared: Sendable {
    let database: Mutex<Database>

    init(_ database: consuming Database) {
        self.database = Mutex(database)
    }
}

struct SQLiteTests {
    @Test(arguments: [
        SQLValue.null, .integer(.min), .integer(.max), .real(-0.5), .text(""), .text("a\0b"), .text("naïve 🐟"),
        .blob([]), .blob([0, 255, 0]),
    ])
    func valueComesBackAsItWas(_ value: SQLValue) throws {
        var database = try shop()
        try database.execute("CREATE TABLE any(v)")
        #expect(try database.run("INSERT INTO any VALUES (?)", [value]) == 1)
        #expect(try database.first("SELECT v FROM any") { $0.value(0) } == value)
    }

    @Test func bodyErrorUndoesTheTransaction() throws {
        var database = try shop()
        #expect(throws: ShopError.closed) {
            try database.transaction { (database: inout Database) throws(ShopError) in
                do throws(DatabaseError) {
                    try database.run("INSERT INTO item(name) VALUES ('tea')")
                } catch {
                    throw ShopError(error)
                }
                throw ShopError.closed
            }
        }
        let isOpen = database.isInTransaction
        #expect(!isOpen)
        #expect(try database.first("SELECT count(*) FROM item") { $0.int64(0) } == 0)
    }

    @Test func failedCommitUndoesTheTransaction() throws {
        var database = try shop()
        try database.execute("CREATE TABLE child(item INTEGER REFERENCES item(id) DEFERRABLE INITIALLY DEFERRED)")
        let error = #expect(throws: DatabaseError.self) {
            try database.transaction { (database: inout Database) throws(DatabaseError) in
                try database.run("INSERT INTO child VALUES (7)")
            }
        }
        #expect(error?.code == .constraint)
        let isOpen = database.isInTransaction
        #expect(!isOpen)
    }

    @Test func rowClosureMayThrowItsOwnError() throws {
        var database = try shop()
        try database.execute("INSERT INTO item(name) VALUES ('tea'), ('milk')")
        #expect(throws: ShopError.closed) {
            try database.query("SELECT name FROM item") { (_: borrowing Row) throws(ShopError) in throw .closed }
        }
        #expect(try database.all("SELECT name FROM item ORDER BY id") { $0.text(0) } == ["tea", "milk"])
    }

    @Test func aFailedRunLeavesTheCachedStatementUsable() throws {
        var database = try shop()
        let insert = "INSERT INTO item(name) VALUES (?)"
        try database.run(insert, ["tea"])
        let error = #expect(throws: DatabaseError.self) { try database.run(insert, ["tea"]) }
        #expect(error?.code == .constraint)
        #expect(error?.message.contains("UNIQUE constraint failed: item.name") == true)
        #expect(try database.run(insert, ["milk"]) == 1)
        #expect(try database.run("UPDATE item SET price = 1") == 2)
        #expect(try database.run("CREATE TABLE other(x)") == 0)
    }

    @Test(arguments: ["SELECT 1; SELECT 2", "", " ", "-- nothing", "SELECT ?", "SELEC 1", "SELECT 1\0"])
    func refusesWhatIsNotOneStatementWithItsValues(_ sql: String) throws {
        var database = try shop()
        #expect(throws: DatabaseError.self) { try database.run(sql) }
    }

    @Test func moreStatementsThanTheCacheHoldsStillWork() throws {
        var database = try shop()
        for round in 0..<2 {
            for number in 0..<200 {
                #expect(try database.first("SELECT \(number)") { Int($0.int64(0)) } == number, "round \(round)")
            }
        }
    }

    @Test func preparedStatementInsertsMany() throws {
        var database = try shop()
        let count: Int64 = 100_000
        try database.transaction { (database: inout Database) throws(DatabaseError) in
            var statement = try database.prepare("INSERT INTO item(id, name) VALUES (?, ?)")
            for number in 0..<count {
                try statement.bind(number, at: 0)
                try statement.bind("name \(number)", at: 1)
                try statement.run()
            }
        }
        #expect(try database.first("SELECT count(*), max(id) FROM item") { $0.int64(0) + $0.int64(1) } == 2 * count - 1)
    }

    @Test func preparedStatementReadsRows() throws {
        var database = try shop()
        try database.execute("INSERT INTO item(name) VALUES ('tea'), (NULL)")
        var names: [String?] = []
        var statement = try database.prepare("SELECT name FROM item ORDER BY id")
        while try statement.step() { names.append(statement.row.optionalText(0)) }
        #expect(names == ["tea", nil])
    }

    @Test func sharedInsideAMutex() async throws {
        let shared = Shared(try shop())
        try await withThrowingTaskGroup { group in
            for task in 0..<4 {
                group.addTask {
                    for number in 0..<50 {
                        _ = try shared.database.withLock { database throws(DatabaseError) in
                            try database.run("INSERT INTO item(name) VALUES (?)", [.text("\(task)-\(number)")])
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let rows = try shared.database.withLock { database throws(DatabaseError) in
            try database.first("SELECT count(*) FROM item") { $0.int64(0) }
        }
        #expect(rows == 200)
    }

    @Test func secondWriterIsToldBusy() throws {
        let scratch = try ScratchFile(named: "busy.sqlite")
        var first = try Database(path: scratch.path)
        try first.execute("PRAGMA journal_mode = WAL; CREATE TABLE t(x)")
        try first.setUserVersion(7)
        try first.transaction(.immediate) { (_: inout Database) throws(DatabaseError) in
            var second = try Database(path: scratch.path, busyTimeout: 10)
            let error = #expect(throws: DatabaseError.self) { try second.run("INSERT INTO t VALUES (1)") }
            #expect(error?.code == .busy)
            #expect(error?.message.contains("busy.sqlite") == true)
        }
        #expect(try !first.checkpoint())
        var reader = try Database(path: scratch.path, mode: .readOnly)
        #expect(try reader.userVersion() == 7)
        let error = #expect(throws: DatabaseError.self) { try reader.run("INSERT INTO t VALUES (1)") }
        #expect(error?.code == .readOnly)
    }

    @Test func foreignFilesAreRefused() throws {
        let scratch = try ScratchFile(named: "letter.txt", bytes: [UInt8](repeating: 0x41, count: 4096))
        var letter = try Database(path: scratch.path)
        let error = #expect(throws: DatabaseError.self) { try letter.execute("CREATE TABLE t(x)") }
        #expect(error?.code == .notADatabase)
        let missing = #expect(throws: DatabaseError.self) {
            _ = try Database(path: scratch.path + "/none/x.sqlite").changes
        }
        #expect(missing?.code == .cannotOpen)
        #expect(throws: DatabaseError.self) { _ = try Database(path: "a\0b").changes }
    }

    @Test func damagedDatabaseIsAnErrorNotACrash() throws {
        let scratch = try ScratchFile(named: "damaged.sqlite")
        do {
            var database = try Database(path: scratch.path)
            try database.execute("CREATE TABLE t(x TEXT); INSERT INTO t VALUES (hex(randomblob(20000)))")
        }
        try scratch.overwrite(at: 4096, with: [UInt8](repeating: 0xFF, count: 8192))
        var database = try Database(path: scratch.path)
        let error = #expect(throws: DatabaseError.self) { try database.all("SELECT x FROM t") { $0.text(0) } }
        #expect(error?.code == .corrupt)
    }
}

/// A file in a folder of its own, which goes away with the value.
final class ScratchFile {
    let path: String
    private let folder: URL

    init(named name: String, bytes: [UInt8]? = nil) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "wrappers-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: name)
        path = file.path
        if let bytes { try Data(bytes).write(to: file) }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Writes `bytes` over what the file holds at `offset`.
    func overwrite(at offset: UInt64, with bytes: [UInt8]) throws {
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }
}
