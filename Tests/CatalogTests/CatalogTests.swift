import Catalog
import Foundation
import Multiformats
import Schema
import Synchronization
import TestKit
import Testing

private func root(_ number: Int) -> CID { CID.v1(.dagPB, Multihash.sha256(of: Array("root \(number)".utf8))) }

private func mapping(_ number: Int, on backend: String, _ status: Mapping.Status = .stored) -> Mapping {
    Mapping(
        cid: root(number),
        backend: backend,
        path: "cars/\(number).car",
        status: status,
        size: 10,
        createdAt: Timestamp(milliseconds: 1000),
        evidence: .init(method: "read-back", at: Timestamp(milliseconds: 2000), by: "test")
    )
}

@Suite(.scratch) struct CatalogTests {
    private let path: String
    private let catalog: Catalog
    private let clock = ManualTime()

    init() throws {
        path = Scratch.current + "/catalog.sqlite"
        catalog = try Catalog(path: path, now: { [clock] in clock.now })
    }

    @Test func `pins keep their date and what is not given again`() async throws {
        let first = Pin(cid: root(1), name: "one", metadata: "{\"a\":\"b\"}", replicas: 2, createdAt: catalog.time)
        try await catalog.addPins([first], reason: "test")
        clock.advance(5000)
        try await catalog.addPins([Pin(cid: root(1), createdAt: catalog.time)], reason: "test")
        let pin = try #require(try await catalog.pin(root(1)))
        #expect(pin.name == "one")
        #expect(pin.metadata == "{\"a\":\"b\"}")
        #expect(pin.replicas == 2)
        #expect(pin.createdAt == first.createdAt)
        #expect(pin.updatedAt.milliseconds == first.createdAt.milliseconds + 5000)
    }

    @Test func `a mark made while a sync runs survives it`() async throws {
        try await catalog.register(["a", "b"])
        let before = try #require(try await catalog.backendState("a"))
        #expect(before.isDirty)
        // While the sync of the first generation runs, a pin is added.
        try await catalog.addPins([Pin(cid: root(1), createdAt: catalog.time)], reason: "add")
        try await catalog.finishSync("a", generation: before.generation, note: "kits/k/1.car")
        let after = try #require(try await catalog.backendState("a"))
        #expect(after.isDirty)
        #expect(after.reason == "add")
        try await catalog.finishSync("a", generation: after.generation, note: nil)
        let clean = try #require(try await catalog.backendState("a"))
        #expect(!clean.isDirty)
        #expect(clean.note == "kits/k/1.car")
        let other = try await catalog.backendState("b")
        #expect(other?.isDirty == true)
        // The state is in the file.
        let again = try await Catalog(path: path).backendState("a")
        #expect(again?.isDirty == false)
    }

    @Test func `an older sync that ends late does not undo a newer one`() async throws {
        try await catalog.register(["a"])
        try await catalog.markDirty(["a"], reason: "x")
        let generation = try #require(try await catalog.backendState("a")).generation
        try await catalog.finishSync("a", generation: generation, note: nil)
        try await catalog.finishSync("a", generation: 1, note: nil)
        #expect(try await catalog.backendState("a")?.isDirty == false)
    }

    @Test func `the date of dirt is that of the first mark`() async throws {
        try await catalog.register(["a"])
        let since = try #require(try await catalog.backendState("a")).dirtySince
        clock.advance(1000)
        try await catalog.markDirty(["a"], reason: "later")
        #expect(try await catalog.backendState("a")?.dirtySince == since)
    }

    @Test func `recording a mapping ends its transfer and keeps its date`() async throws {
        try await catalog.begin([root(1), root(2)], on: "a")
        try await catalog.record([mapping(1, on: "a")])
        #expect(try await catalog.interrupted(on: "a") == [root(2)])
        var again = mapping(1, on: "a", .corrupt)
        again.createdAt = Timestamp(milliseconds: 99_000)
        again.size = nil
        try await catalog.record([again])
        let stored = try #require(try await catalog.mappings(of: [root(1)]).first)
        #expect(stored.status == .corrupt)
        #expect(stored.createdAt.milliseconds == 1000)
        #expect(stored.size == 10)
    }

    @Test func `what only one backend has is known`() async throws {
        try await catalog.addPins((1...3).map { Pin(cid: root($0), createdAt: catalog.time) }, reason: "test")
        try await catalog.record([
            mapping(1, on: "a"), mapping(1, on: "b"), mapping(2, on: "a"), mapping(3, on: "a", .pending),
        ])
        #expect(try await catalog.pinsOnly(on: "a") == [root(2)])
        #expect(try await catalog.unprotectedPins() == [root(3)])
        let counts = try await catalog.mappingCounts()["a"]
        #expect(counts?.byStatus == [.stored: 2, .pending: 1])
    }

    @Test func `a lease belongs to one until it ends`() async throws {
        let lease = try await catalog.takeLease("a").get()
        let second = try await catalog.takeLease("a")
        #expect(throws: LeaseHolder.self) { try second.get() }
        #expect(try await catalog.renew(lease))
        clock.advance(Lease.duration + 1)
        let other = try await catalog.takeLease("a").get()
        #expect(try await catalog.renew(lease) == false)
        try await catalog.release(lease)
        #expect(try await catalog.renew(other))
        try await catalog.release(other)
        _ = try await catalog.takeLease("a").get()
    }

    @Test func `four writers lose nothing that was acknowledged`() async throws {
        let path = path
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    let own = try Catalog(path: path)
                    for number in 0..<50 { try await own.record([mapping(writer * 100 + number, on: "a")]) }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await catalog.mappings(on: "a").count == 200)
    }

    @Test func `a batch is read as it was at one moment`() async throws {
        try await catalog.record((0..<10_000).map { mapping($0, on: "a") })
        let seen = Mutex(0)
        _ = try await catalog.eachMapping(on: "a") { (rows: [Mapping]) in seen.withLock { $0 += rows.count } }
        #expect(seen.withLock { $0 } == 10_000)
    }

    @Test func `a catalog of a later version is refused and left as it is`() async throws {
        let newer = Scratch.current + "/newer.sqlite"
        _ = try Catalog(path: newer)
        var bytes = try Data(contentsOf: URL(filePath: newer))
        // The user version stands at offset 60 of the header (SQLite file format §1.3), big-endian.
        for name in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: newer + name) }
        guard bytes.count > 64 else { return }
        bytes[60...63] = Data([0, 0, 0, 99])
        try bytes.write(to: URL(filePath: newer))
        let error = #expect(throws: CatalogError.self) { try Catalog(path: newer) }
        #expect(error?.code == .tooNew)
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

/// A clock that moves when it is told to.
private final class ManualTime: Sendable {
    private let time = Mutex<Int64>(1_000_000)
    var now: Int64 { time.withLock { $0 } }
    func advance(_ milliseconds: Int64) { time.withLock { $0 += milliseconds } }
}
