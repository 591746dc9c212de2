@testable import Catalog
import Foundation
import Multiformats
import Schema
import SQLite
import Synchronization
import TestKit
import Testing

@Suite(.scratch) struct CatalogTests {
    @Test func `pins keep their date and what is not given again`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let first = Pin(cid: root(1), name: "one", metadata: "{\"a\":\"b\"}", replicas: 2, createdAt: catalog.time)
        try await catalog.addPins([first], reason: "test")
        sample.clock.advance(5000)
        try await sample.pin(1)
        let pin = try #require(try await catalog.pin(root(1)))
        #expect(pin.name == "one")
        #expect(pin.metadata == "{\"a\":\"b\"}")
        #expect(pin.replicas == 2)
        #expect(pin.createdAt == first.createdAt)
        #expect(pin.updatedAt.milliseconds == first.createdAt.milliseconds + 5000)
    }

    @Test func `what is done later has a later time, also after the clock was set back`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        func changedAt() async throws -> Timestamp? { try await catalog.pin(root(1))?.updatedAt }
        try await sample.pin(1)
        let first = try #require(try await changedAt())
        sample.clock.advance(-1000)
        try await sample.pin(1)
        let second = try #require(try await changedAt())
        #expect(second > first)
        _ = try await catalog.removePins([root(1)], reason: "test")
        let removed = try #require(try await catalog.unpinned()[root(1)])
        #expect(removed >= second)
        try await sample.pin(1)
        #expect(try #require(try await changedAt()) > removed)
        #expect(try await catalog.unpinned().isEmpty)
    }

    @Test func `a mark made while a sync runs survives it`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let lease = try await sample.lease()
        let before = try #require(try await catalog.backendState("a"))
        #expect(before.isDirty)
        // While the sync of the first generation runs, a pin is added.
        try await catalog.addPins([Pin(cid: root(1), createdAt: catalog.time)], reason: "add")
        try await catalog.noteSnapshot("kits/k/1-i.car", hasAll: true, under: lease)
        try await catalog.finishSync(generation: before.generation, under: lease)
        let after = try #require(try await catalog.backendState("a"))
        #expect(after.isDirty)
        #expect(after.reason == "add")
        try await catalog.finishSync(generation: after.generation, under: lease)
        let clean = try #require(try await catalog.backendState("a"))
        #expect(!clean.isDirty)
        #expect(clean.snapshot == "kits/k/1-i.car")
        let other = try await catalog.backendState("b")
        #expect(other?.isDirty == true)
        // The state is in the file.
        let again = try await Catalog(path: sample.path).backendState("a")
        #expect(again?.isDirty == false)
    }

    @Test func `an older sync that ends late does not undo a newer one`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let lease = try await sample.lease()
        try await catalog.markDirty(["a"], reason: "x")
        let generation = try #require(try await catalog.backendState("a")).generation
        try await catalog.finishSync(generation: generation, under: lease)
        try await catalog.finishSync(generation: 1, under: lease)
        #expect(try await catalog.backendState("a")?.isDirty == false)
    }

    @Test func `the date of dirt is that of the first mark`() async throws {
        let sample = try await CatalogSample()
        let since = try #require(try await sample.catalog.backendState("a")).dirtySince
        sample.clock.advance(1000)
        try await sample.catalog.markDirty(["a"], reason: "later")
        #expect(try await sample.catalog.backendState("a")?.dirtySince == since)
    }

    @Test func `what only one place has is known, also where it has two names`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        try await sample.pin(1, 2, 3, 4)
        let (a, b) = (try await sample.lease("a"), try await sample.lease("b"))
        try await catalog.record([sample.seen(1), sample.seen(2), sample.seen(4)], under: a)
        try await catalog.record([sample.seen(1), sample.seen(4, .damaged)], under: b)
        _ = try await catalog.claim(sample.seen(3, .claimed, by: "claim"), on: "a", name: "")
        #expect(try await catalog.pinsOnly(on: "a") == [root(2), root(4)].sorted())
        #expect(try await catalog.unprotectedPins() == [root(3)])
        let counts = try await catalog.mappingCounts()["a"]
        #expect(counts?.byStatus == [.stored: 3, .pending: 1])
        let states = try await catalog.backendStates()
        try await catalog.join(places: states.map(\.place), under: a)
        #expect(try await catalog.pinsOnly(on: "a") == [root(1), root(2), root(4)].sorted())
    }

    @Test func `pins that were not seen whole since the last loss are to be looked at`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        try await sample.pin(1)
        let pin = Pin(cid: root(2), createdAt: catalog.time)
        try await catalog.addPins([pin], reason: "test", store: StoreState(generation: 3, epoch: 7))
        func toLookAt(_ epoch: UInt64) async throws -> [CID] { try await catalog.pinsToLookAt(in: epoch).map(\.root) }
        #expect(try await toLookAt(7) == [root(1)])
        // Pinned again by somebody who did not look: what was seen before still holds.
        try await sample.pin(2)
        #expect(try await toLookAt(7) == [root(1)])
        #expect(try await toLookAt(8) == [root(1), root(2)].sorted())
        // Of one that was seen whole something was lost.
        let seen = try await catalog.pinsToLookAt(in: 8).filter(\.wasWhole).map(\.root)
        #expect(seen == [root(2)])
        try await catalog.noteWhole([root(1)], in: 8)
        #expect(try await toLookAt(8) == [root(2)])
        #expect(try await catalog.storeGeneration() == 3)
    }

    @Test func `four writers lose nothing that was acknowledged`() async throws {
        let sample = try await CatalogSample()
        let path = sample.path
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    let own = try Catalog(path: path)
                    for number in 0..<50 {
                        try await own.addPins(
                            [Pin(cid: root(writer * 100 + number), createdAt: own.time)],
                            reason: "test"
                        )
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await sample.catalog.pins().count == 200)
        try await sample.catalog.check()
    }

    @Test func `a batch is read as it was at one moment`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.record((0..<10_000).map { sample.seen($0) }, under: lease)
        let seen = Mutex(0)
        _ = try await sample.catalog.eachMapping(on: "a") { (rows: [Mapping]) in seen.withLock { $0 += rows.count } }
        #expect(seen.withLock { $0 } == 10_000)
    }

    @Test(.timeLimit(.minutes(1))) func `whoever reads for long keeps nobody waiting`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.record((0..<10_000).map { sample.seen($0) }, under: lease)
        let (begun, end) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let seen = Mutex(0)
        async let reading: Result<Void, Never> = sample.catalog.eachMapping(on: "a") { (rows: [Mapping]) in
            seen.withLock { $0 += rows.count }
            begun.signal()
            end.wait()
            end.signal()
        }
        await withCheckedContinuation { continuation in
            Thread {
                begun.wait(); continuation.resume()
            }.start()
        }
        // In the middle of that others look, write, and see what they wrote.
        #expect(try await sample.mapping(3) != nil)
        try await sample.catalog.record((10_000..<10_100).map { sample.seen($0) }, under: lease)
        async let first = sample.catalog.mappingCounts()
        async let second = sample.catalog.mappingCounts()
        #expect(try await first["a"]?.byStatus[.stored] == 10_100)
        #expect(try await second["a"]?.byStatus[.stored] == 10_100)
        end.signal()
        _ = try await reading
        // It has seen one moment.
        #expect(seen.withLock { $0 } == 10_000)
    }

    @Test func `another file under the name is not taken for the catalog`() async throws {
        let sample = try await CatalogSample()
        try await sample.pin(1)
        let begun = DispatchSemaphore(value: 0)
        let end = DispatchSemaphore(value: 0)
        async let reading = sample.catalog.read { (database) throws(CatalogError) in
            begun.signal()
            end.wait()
            return try database.first("SELECT count(*) FROM pins") { (row: borrowing Row) throws(CatalogError) in
                row.int64(0)
            }
        }
        await withCheckedContinuation { continuation in
            Thread {
                begun.wait(); continuation.resume()
            }.start()
        }
        try FileManager.default.moveItem(atPath: sample.path, toPath: sample.path + ".old")
        try FileManager.default.copyItem(atPath: sample.path + ".old", toPath: sample.path)
        // The connection that is open is in use: another one would open the wrong file.
        let error = await #expect(throws: CatalogError.self) { _ = try await sample.catalog.pins() }
        #expect(error?.code == .fenced)
        end.signal()
        #expect(try await reading == 1)
    }

    @Test func `pins that are lost in the file are missed`() async throws {
        let sample = try await CatalogSample()
        try await sample.pin(1, 2, 3)
        try await sample.catalog.check()
        // What rot does to a page, without a word of SQLite's.
        try await sample.catalog.write { (database) throws(CatalogError) in
            try database.change("DELETE FROM pins WHERE cid = ?", [.blob(root(2).bytes)])
        }
        let error = await #expect(throws: CatalogError.self) { _ = try await sample.catalog.pins() }
        #expect(error?.code == .corrupt)
        await #expect(throws: CatalogError.self) { try await sample.catalog.check() }
        try await sample.catalog.write { (database) throws(CatalogError) in
            try database.change(
                "INSERT INTO pins(cid, name, metadata, created_at, updated_at) VALUES(?, '', '{}', 1, 1)",
                [.blob(root(9).bytes)]
            )
        }
        // As many as before, and not the same.
        await #expect(throws: CatalogError.self) { _ = try await sample.catalog.pins() }
    }

    @Test(arguments: [true, false]) func `nothing is written to a catalog that was replaced`(isBack: Bool) async throws
    {
        let sample = try await CatalogSample()
        try await sample.pin(1)
        let moved = try Catalog.setAside(sample.path, at: 1)
        if isBack {
            _ = try await Catalog.make(at: sample.path).value("catalog_id")
        }
        let error = await #expect(throws: CatalogError.self) { try await sample.pin(2) }
        #expect(error?.code == .fenced && error?.message.contains(sample.path) == true)
        try #require(try await Catalog(path: moved).pinCount() == 1)
    }

    @Test func `a reader cannot write`() async throws {
        let sample = try await CatalogSample()
        await #expect(throws: CatalogError.self) {
            try await sample.catalog.read { (database) throws(CatalogError) in
                _ = try database.change("DELETE FROM backends")
            }
        }
        #expect(try await sample.catalog.backendStates().count == 2)
        try await sample.pin(1)
    }

    @Test func `a copy is a catalog, and that of another home`() async throws {
        let sample = try await CatalogSample()
        try await sample.pin(1)
        let identity = try await sample.catalog.identity()
        #expect(!identity.isNewInstance)
        let copy = Scratch.current + "/copy.sqlite"
        try await sample.catalog.copy(to: copy)
        await #expect(throws: CatalogError.self) { try await sample.catalog.copy(to: copy) }
        try FileManager.default.createDirectory(atPath: Scratch.current + "/other", withIntermediateDirectories: true)
        let moved = Scratch.current + "/other/catalog.sqlite"
        try FileManager.default.copyItem(atPath: copy, toPath: moved)
        let other = try Catalog(path: moved)
        #expect(try await other.pins().map(\.cid) == [root(1)])
        let second = try await other.identity()
        #expect(second.isNewInstance && second.instance != identity.instance)
        #expect(second.kit == identity.kit && second.catalog != identity.catalog)
        let again = try await Catalog(path: moved).identity()
        #expect(again.instance == second.instance && !again.isNewInstance)
        #expect(try await sample.catalog.identity() == identity)
    }

    @Test func `another process sees what was written, and the file alone has it when nobody uses it`() async throws {
        let path = Scratch.current + "/catalog.sqlite"
        do {
            let catalog = try Catalog.make(at: path)
            try await catalog.addPins([Pin(cid: root(1), createdAt: catalog.time)], reason: "test")
        }
        for ending in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + ending) }
        #expect(try await Catalog(path: path).pins().map(\.cid) == [root(1)])
    }

    @Test func `a catalog of a later version is refused and left as it is`() async throws {
        let newer = Scratch.current + "/newer.sqlite"
        _ = try Catalog.make(at: newer)
        var bytes = try Data(contentsOf: URL(filePath: newer))
        // The user version stands at offset 60 of the header (SQLite file format §1.3), big-endian.
        for name in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: newer + name) }
        try #require(bytes.count > 64)
        bytes[60...63] = Data([0, 0, 0, 99])
        try bytes.write(to: URL(filePath: newer))
        let error = #expect(throws: CatalogError.self) { try Catalog(path: newer) }
        #expect(error?.code == .tooNew)
    }

    enum Nothing: CaseIterable { case noFile, emptyFile, noTables }

    @Test(arguments: Nothing.allCases) func `nothing is no catalog, and none is made unasked`(
        what: Nothing
    ) async throws {
        let path = Scratch.current + "/catalog.sqlite"
        switch what {
        case .noFile: break
        case .emptyFile: try Data().write(to: URL(filePath: path))
        case .noTables:
            var database = try Database(path: path)
            try database.execute("PRAGMA journal_mode = WAL; CREATE TABLE x(y); DROP TABLE x")
        }
        let error = #expect(throws: CatalogError.self) { try Catalog(path: path) }
        #expect(error?.code == .missing)
        _ = try Catalog.make(at: path)
        #expect(try await Catalog(path: path).pins().isEmpty)
    }

    /// A lock that this process has itself is one that a connection of it could not give back: all are opened anew.
    @Test func `whoever waits for himself opens his connections anew`() throws {
        let path = Scratch.current + "/own.sqlite"
        var first = try Database(path: path)
        try first.execute("PRAGMA journal_mode = WAL; CREATE TABLE t(x)")
        try first.transaction(.immediate) { (_: inout Database) throws(DatabaseError) in
            var second = try Database(path: path, busyTimeout: 10)
            let error = #expect(throws: DatabaseError.self) { try second.run("INSERT INTO t VALUES (1)") }
            let meaning = error.map { CatalogError($0) }
            #expect(meaning?.code == .busy && meaning?.isOfConnection == true)
        }
    }

    /// Another process that has it keeps everybody waiting, and no connection is worse for that.
    @Test func `whoever waits for another process keeps his connections`() async throws {
        let path = Scratch.current + "/others.sqlite"
        var database = try Database(path: path, busyTimeout: 10)
        try database.execute("PRAGMA journal_mode = WAL; CREATE TABLE t(x)")
        let script = """
            import signal, sqlite3, sys
            held = sqlite3.connect(sys.argv[1], isolation_level=None)
            held.execute("BEGIN IMMEDIATE")
            open(sys.argv[2], "w").close()
            signal.pause()
            """
        let python = try #require(Programs.python)
        let ready = Scratch.current + "/ready"
        let other = try Child(Child.Start(python.path, ["-c", script, path, ready]))
        defer { other.signal(SIGKILL) }
        try #require(await holds(while: { other.isRunning }) { FileManager.default.fileExists(atPath: ready) })
        let error = #expect(throws: DatabaseError.self) { try database.run("INSERT INTO t VALUES (1)") }
        let meaning = error.map { CatalogError($0) }
        #expect(meaning?.code == .busy && meaning?.isOfConnection == false, "\(meaning?.message ?? "")")
    }

    @Test func `garbage in the place of the catalog is an error`() throws {
        let garbage = Scratch.current + "/garbage.sqlite"
        try Data("this is no database, and it is long enough to be looked at as one".utf8).write(
            to: URL(filePath: garbage)
        )
        let error = #expect(throws: CatalogError.self) { try Catalog(path: garbage) }
        #expect(error?.code == .corrupt)
    }
}
