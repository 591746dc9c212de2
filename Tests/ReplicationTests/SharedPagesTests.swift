import Catalog
import IPLD
import Multiformats
@testable import Replication
import Samples
import Schema
import Storage
import TestKit
import Testing

/// Snapshots cost what changed, and what one of them needs is never removed while it is there.
@Suite(.scratch, .timeLimit(.minutes(5))) struct SharedPagesTests {
    /// Pins roots of these numbers, each with much to say, as if they were stored already.
    private func pin(_ numbers: Range<Int>, _ home: EngineSample, text: Int = 400) async throws {
        let metadata = "{\"note\": \"\(String(repeating: "m", count: text))\"}"
        let pins = numbers.map {
            Pin(cid: EngineSample.block($0).cid, name: "pin \($0)", metadata: metadata, createdAt: home.catalog.time)
        }
        try await home.catalog.addPins(pins, reason: "test")
        let lease = try await home.catalog.takeLease("a", for: 60_000).get()
        try await home.catalog.record(
            try pins.map {
                Observation(
                    $0.cid,
                    .whole,
                    method: "put-md5",
                    place: Location(try home.name($0.cid).text),
                    size: 100,
                    blockCount: 1,
                    carSHA256: Array(repeating: 7, count: 32),
                    at: home.catalog.time,
                    by: "test"
                )
            },
            under: lease
        )
        try await home.catalog.release(lease)
    }

    /// Puts the CARs of these numbers onto a service, so that they are there when somebody looks.
    private func store(_ numbers: Range<Int>, on service: MemoryService, _ home: EngineSample) throws {
        for number in numbers {
            service.tamper(try home.name(EngineSample.block(number).cid), Array(repeating: 0, count: 100))
        }
    }

    /// What the snapshots on a service say, by their names: the pins, or why they cannot be read.
    private func snapshots(
        on service: any StorageService,
        _ home: EngineSample
    ) async throws -> [String: Result<Set<String>, ReplicationError>] {
        let backend = home.open(service)
        let (register, snapshots) = (try #require(HomeRegister(backend)), try #require(Snapshots(backend)))
        var found: [String: Result<Set<String>, ReplicationError>] = [:]
        for name in try await register.list().snapshots {
            let path = home.folder + "/read-\(name.identity)"
            do throws(ReplicationError) {
                let snapshot = try await snapshots.fetch(name, into: path)
                let mapped = Set(try snapshot.mappings().map(\.cid))
                let pins = try snapshot.pins()
                #expect(pins.allSatisfy { mapped.contains($0.cid) })
                found[name.name.text] = .success(Set(pins.map(\.name)))
            } catch {
                found[name.name.text] = .failure(error)
            }
        }
        return found
    }

    private func objects(on service: MemoryService) -> [String: Int] {
        let pages = service.contents.filter { $0.key.text.contains("/pages/") }
        return Dictionary(uniqueKeysWithValues: pages.map { ($0.key.text, $0.value.count) })
    }

    @Test func `one small pin beside 20,000 others costs 64 KiB and a few calls`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        try store(0..<20_000, on: service, home)
        try await pin(0..<20_000, home, text: 0)
        let first = try await home.sync(service)
        #expect(first.isComplete && first.uploaded == 0)
        for number in 20_000..<20_006 {
            let root = try await home.pin(number)
            let report = try await home.sync(service)
            let content = service.contents[try home.name(root)]?.count ?? 0
            #expect(report.isComplete && report.uploaded == 1)
            #expect(report.calls.bytesStored <= 64 << 10 + UInt64(content), "\(report.calls)")
            #expect(report.calls.calls <= 12, "\(report.calls)")
        }
        for (name, said) in try await snapshots(on: service, home) {
            let pins = try said.get()
            #expect(pins.count >= 20_000, "\(name)")
        }
    }

    /// A service that ends everything at its n-th change of what snapshots are made of: before it, or after it.
    private func failing(_ service: MemoryService, at number: Int, isDone: Bool) -> AlteredService {
        let count = Locked(0)
        let isOver: @Sendable (ObjectName) -> Bool = { name in
            guard name.isOfNote, !name.text.contains("/homes/") else { return false }
            return count.change { count in
                count += 1
                return count >= number
            }
        }
        let stop = StorageError(.superseded, "The process is gone.")
        return AlteredService(service) { altered in
            altered.onPut = { (name, body) async throws(StorageError) in
                guard isOver(name) else { return try await service.put(name, body) }
                if isDone { _ = try await service.put(name, body) }
                throw stop
            }
            altered.onDelete = { (name) async throws(StorageError) in
                guard isOver(name) else { return try await service.delete(name) }
                if isDone { try await service.delete(name) }
                throw stop
            }
        }
    }

    /// Chance adds, changes and removes; runs end at any change of the backend.
    @Test(arguments: 0..<6) func `whatever stops a sync, each snapshot that is there can be read whole`(
        seed: Int
    ) async throws {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let home = try await EngineSample()
        let service = home.service()
        try store(0..<400, on: service, home)
        try await pin(0..<100, home)
        #expect(try await home.sync(service).isComplete)
        var said = try await snapshots(on: service, home).mapValues { try $0.get() }
        for step in 0..<30 {
            let start = Int.random(in: 0..<390, using: &numbers)
            let count = Int.random(in: 0..<5, using: &numbers) == 0 ? 80 : 3
            if Bool.random(using: &numbers) {
                try await pin(start..<min(start + count, 400), home)
            } else {
                let roots = (start..<min(start + count, 400)).map { EngineSample.block($0).cid }
                _ = try await home.catalog.removePins(roots, reason: "test")
            }
            home.clock.advance(by: .seconds(1))
            let pins = Set(try await home.catalog.pins().map(\.name))
            let isStopped = step % 3 != 2
            let report = try await home.sync(
                isStopped
                    ? failing(service, at: Int.random(in: 1...5, using: &numbers), isDone: .random(using: &numbers))
                    : AlteredService(service)
            )
            let there = try await snapshots(on: service, home)
            for (name, found) in there {
                let expected = said[name] ?? pins
                said[name] = expected
                #expect(try found.get() == expected, "step \(step): \(name)")
            }
            #expect(!there.isEmpty)
            guard !isStopped else { continue }
            #expect(report.isComplete, "\(report)")
            // What the three that stay do not need goes with the next ones.
            #expect(there.count <= 3 && objects(on: service).count <= 16, "\(objects(on: service).count)")
        }
    }

    @Test func `pages that are gone from the backend, or changed there, are sent once more`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        try store(0..<200, on: service, home)
        try await pin(0..<200, home)
        #expect(try await home.sync(service).isComplete)
        let pages = try #require(objects(on: service).keys.first.flatMap { ObjectName($0) })
        for bytes: [UInt8]? in [nil, [1, 2, 3]] {
            service.tamper(pages, bytes)
            try await home.catalog.markDirty(["a"], reason: "test")
            home.clock.advance(by: .seconds(1))
            let name = try #require(try await home.sync(service).snapshot)
            #expect(try await snapshots(on: service, home)[name]?.get().count == 200)
        }
    }

    private func forget(_ objects: [String: Int], _ home: EngineSample) async throws {
        let lease = try await home.catalog.takeLease("a", for: 60_000).get()
        try await home.catalog.forgetPageObjects(Array(objects.keys), under: lease)
        try await home.catalog.release(lease)
    }

    @Test func `what is remembered can be lost`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        try store(0..<200, on: service, home)
        try await pin(0..<200, home)
        #expect(try await home.sync(service).isComplete)
        try await forget(objects(on: service), home)
        for count in 1...3 {
            try await home.catalog.markDirty(["a"], reason: "test")
            home.clock.advance(by: .seconds(1))
            #expect(try await home.sync(service).isComplete)
            // What nobody knows any more stays as long as a snapshot that may need it.
            #expect(objects(on: service).count == (count == 3 ? 1 : 2))
            for (_, said) in try await snapshots(on: service, home) { #expect(try said.get().count == 200) }
        }
    }

    @Test(arguments: [true, false]) func `what is remembered can be wrong`(isShort: Bool) async throws {
        let home = try await EngineSample()
        let service = home.service()
        try store(0..<200, on: service, home)
        try await pin(0..<200, home)
        #expect(try await home.sync(service).isComplete)
        let memory = try await home.catalog.withPins(as: { $0 }) { memory, _ in memory }
        var pages = memory.pages
        let page = pages.remove(at: 3)
        if !isShort { pages.insert(RowPage(first: page.first, cid: EngineSample.block(0).cid, rows: page.rows), at: 3) }
        try await home.catalog.remember([(.pins, memory, pages)])
        // All of it has to be sent again, so all of it is looked at.
        try await forget(objects(on: service), home)
        try await home.catalog.markDirty(["a"], reason: "test")
        home.clock.advance(by: .seconds(1))
        let name = try #require(try await home.sync(service).snapshot)
        #expect(try await snapshots(on: service, home)[name]?.get().count == 200)
        #expect(try await home.catalog.withPins(as: { $0 }) { memory, _ in memory.pages } == memory.pages)
    }

    @Test func `a snapshot of which pages are damaged says what it can`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        try store(0..<200, on: service, home)
        try await pin(0..<200, home)
        let left = try #require(try await home.sync(service).snapshot)
        let backend = home.open(service)
        let (register, snapshots) = (try #require(HomeRegister(backend)), try #require(Snapshots(backend)))
        let name = try #require(try await register.list().snapshots.first { $0.name.text == left })
        let pages = try #require(objects(on: service).keys.first.flatMap { ObjectName($0) })
        var bytes = try #require(service.contents[pages])
        bytes[bytes.count / 3] ^= 1
        service.tamper(pages, bytes)
        let damaged = try await snapshots.fetch(name, into: home.folder + "/damaged")
        #expect(throws: ReplicationError.self) { _ = (try damaged.pins(), try damaged.mappings()) }
        let remains = try damaged.remains()
        #expect(remains.lostPins + remains.lostMappings > 0)
        #expect(remains.pins.count + remains.lostPins == 200 && remains.mappings.count + remains.lostMappings == 200)
        service.tamper(pages, nil)
        let missing = try await snapshots.fetch(name, into: home.folder + "/missing")
        #expect(try missing.remains().lostPins == 200)
        let problem = try await snapshots.problem(with: name, scratch: home.folder + "/scratch")
        #expect(problem?.contains(pages.text) == true, "\(problem ?? "none")")
    }

    @Test func `a later form is said to be one`() throws {
        let path = Scratch.current + "/later.car"
        let root = Block(
            codec: .dagCBOR,
            bytes: try Node.map([.init("format", .string("ipfs_kit_snapshot")), .init("version", .integer(3))]).cbor()
        )
        try write(archive(root.cid, [root]), to: path)
        let error = #expect(throws: ReplicationError.self) { try KitSnapshot(path: path) }
        #expect(error?.description.contains("later version of ipfs-kit") == true)
    }

    // MARK: What is worth keeping

    private func object(_ name: String, _ length: UInt64, of: Int = 10, live: Int = 10) -> PageObject {
        PageObject(name: name, length: length, blocks: Array(repeating: 1, count: 32 * of), live: live)
    }

    @Test func `many objects of one size become one, and those of which little is needed`() {
        let base = object("base", 30 << 20)
        let few = (0..<31).map { object("small \($0)", 40 << 10) }
        #expect(SharedPages.worn([base] + few, .max).isEmpty)
        let many = few + [object("one more", 60 << 10)]
        #expect(SharedPages.worn([base] + many, .max) == Set(many.map(\.name)))
        #expect(SharedPages.worn([base] + few + [object("larger", 80 << 10)], .max).isEmpty)
        // Those that are as long as can be do not become fewer.
        let long = (0..<40).map { object("long \($0)", 4_100_000) }
        #expect(SharedPages.worn(long, 4 << 20).isEmpty && SharedPages.worn(long, .max).count == 40)
        // A tenth is needed of one, and all of another.
        #expect(SharedPages.worn([object("old", 30 << 20, live: 1), base], .max).isEmpty)
        #expect(SharedPages.worn([object("old", 60 << 20, live: 1), object("new", 9 << 20)], .max) == ["old"])
        #expect(SharedPages.worn([object("old", 3 << 20, live: 0)], .max).isEmpty)
    }
}

extension SnapshotName {
    fileprivate var identity: String { "\(time)-\(Int.random(in: 0..<Int.max))" }
}
