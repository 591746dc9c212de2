import BlockStore
import Catalog
import IPLD
import Multiformats
@testable import Replication
import Schema
import Storage
import TestKit
import Testing

/// Several homes at one place: nobody takes away what another may count on.
@Suite(.scratch) struct HomesTests {
    /// What another home left to be known by.
    enum Sign: CaseIterable { case announcement, snapshot }

    /// A name that a home leaves below `kits/`.
    private func leave(_ name: ObjectName?, on service: MemoryService) throws {
        service.tamper(try #require(name), Array("{}".utf8))
    }

    @Test(arguments: Sign.allCases, [true, false]) func `what no pin wants stays where another home is, too`(
        sign: Sign,
        isOfSameKit: Bool
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let own = try await home.catalog.identity()
        let gone = try await home.pin(1)
        try await home.sync(service)
        let kit = isOfSameKit ? own.kit : "otherkit"
        switch sign {
        case .announcement:
            try leave(
                HomeName.marker(kit: kit, instance: "theirs", incarnation: "i", isRemoving: false),
                on: service
            )
        case .snapshot: try leave(HomeName.snapshot(kit: kit, instance: "theirs", time: 7), on: service)
        }
        _ = try await home.catalog.removePins([gone], reason: "test")
        let report = try await home.sync(service, prune: true)
        guard case .shared? = report.heldBack else { throw report.heldBack ?? ReplicationError.suspicious("nothing") }
        #expect(try report.removed == 0 && service.contents[home.name(gone)] != nil)
        #expect(try await home.isDirty() == true)
        // It does not matter any more, and is not seen again.
        #expect(try await home.catalog.forgetPeers("theirs") == 1)
        #expect(try await home.sync(service, prune: true).removed == 1)
    }

    @Test(arguments: [true, false]) func `nobody relies on a place where content is being removed`(
        isOfToday: Bool
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        try leave(
            HomeName.marker(kit: "otherkit", instance: "theirs", incarnation: "i", isRemoving: true),
            on: service
        )
        // Who was killed two days ago removes nothing any more.
        home.clock.advance(by: .seconds(isOfToday ? 3600 : 2 * 86_400))
        let root = try await home.pin(1)
        let report = try await home.sync(service)
        #expect(report.isComplete == !isOfToday)
        #expect(try (service.contents[home.name(root)] != nil) == !isOfToday)
        if isOfToday, case .removing(backend: "a", home: "theirs")? = report.stopped { return }
        #expect(!isOfToday)
    }

    @Test func `whoever the owner called gone is not waited for, whatever time he left`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        try leave(HomeName.marker(kit: "otherkit", instance: "theirs", incarnation: "i", isRemoving: true), on: service)
        let root = try await home.pin(1)
        guard case .removing? = try await home.sync(service).stopped else {
            throw ReplicationError.suspicious("not stopped")
        }
        #expect(try await home.catalog.forgetPeers("theirs") == 1)
        #expect(try await home.sync(service).isComplete)
        #expect(try await home.status(root) == .stored)
    }

    /// Days by which the clock of the service is ahead of that of the home.
    @Test(arguments: [0, 10, -10]) func `where the clocks are days apart nobody is known to be gone`(
        ahead: Int64
    ) async throws {
        let home = try await EngineSample()
        let offset = Locked<Int64>(0)
        let service = MemoryService(now: { [clock = home.clock] in clock.now + offset.read { $0 } })
        let theirs = HomeName.marker(kit: "otherkit", instance: "theirs", incarnation: "i", isRemoving: false)
        try leave(theirs, on: service)
        let gone = try await home.pin(1)
        try await home.sync(service)
        home.clock.advance(by: .seconds(60 * 86_400))
        offset.change { $0 = ahead * 86_400_000 }
        _ = try await home.catalog.removePins([gone], reason: "test")
        let report = try await home.sync(service, prune: true)
        #expect(report.removed == (ahead == 0 ? 1 : 0), "\(report)")
        guard ahead != 0 else { return }
        guard case .suspicious? = report.heldBack else { throw report.heldBack ?? ReplicationError.suspicious("none") }
        // The owner knows.
        #expect(try await home.catalog.forgetPeers("theirs") == 1)
        #expect(try await home.sync(service, prune: true).removed == 1)
    }

    @Test func `an announcement of long ago lets nothing more be removed`() async throws {
        let home = try await EngineSample()
        let root = try await home.pin(1)
        let service = home.service()
        try await home.sync(service)
        _ = try await home.catalog.removePins([root], reason: "test")
        let lease = try #require(try? await home.catalog.takeLease("a", for: 1 << 40).get())
        _ = try await home.catalog.begin([(root, .unwanted)], under: lease)
        let announcement = Announcement()
        let fence = Fence(catalog: home.catalog, lease: lease, announcement: announcement)
        announcement.renew(home.catalog.time.milliseconds)
        try await fence.admit(.delete(try home.name(root)))
        home.clock.advance(by: .seconds(2 * 86_400))
        let error = await #expect(throws: StorageError.self) { try await fence.admit(.delete(try home.name(root))) }
        #expect(error?.code == .superseded)
        // The clock on the wall may have been put back meanwhile.
        announcement.renew(home.catalog.time.milliseconds + 60_000)
        await #expect(throws: StorageError.self) { try await fence.admit(.delete(try home.name(root))) }
    }

    @Test func `a removal that takes long announces itself again, and looks again who is there`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        var roots: [CID] = []
        for number in 0..<6 { roots.append(try await home.pin(number)) }
        try await home.sync(service)
        _ = try await home.catalog.removePins(roots, reason: "test")
        let sleepy = AlteredService(service) { altered in
            altered.onDelete = { name throws(StorageError) in
                try await service.delete(name)
                guard name.text.hasPrefix("cars/") else { return }
                // The machine slept for two days, and somebody else came.
                home.clock.advance(by: .seconds(2 * 86_400))
                if let name = HomeName.marker(kit: "k", instance: "theirs", incarnation: "i", isRemoving: false) {
                    service.tamper(name, Array("{}".utf8))
                }
            }
        }
        let report = try await home.sync(sleepy, prune: true)
        // As many as there are lanes had been let through.
        #expect(report.removed <= 2 && !report.isComplete)
        #expect(try roots.filter { try service.contents[home.name($0)] != nil }.count >= 4)
    }

    @Test func `who shares a place says at each sync that it is there`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let own = try await home.catalog.identity()
        try await home.pin(1)
        try await home.sync(service)
        func said() async throws -> [UInt8]? {
            let state = try #require(try await home.catalog.backendState("a"))
            let name = HomeName.marker(
                kit: own.kit,
                instance: own.instance,
                incarnation: state.incarnation,
                isRemoving: false
            )
            return service.contents[try #require(name)]
        }
        let first = try await said()
        try await home.pin(2)
        try await home.sync(service)
        #expect(try await said() == first)
        try leave(
            HomeName.marker(kit: "otherkit", instance: "theirs", incarnation: "i", isRemoving: false),
            on: service
        )
        try await home.pin(3)
        try await home.sync(service)
        #expect(try await said() != first)
    }

    @Test func `a home whose own snapshot is newer than itself removes nothing, and leaves none`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let own = try await home.catalog.identity()
        let gone = try await home.pin(1)
        try await home.sync(service)
        _ = try await home.catalog.removePins([gone], reason: "test")
        // The home was put back from a copy: it left this, and knows nothing of it.
        let later = home.catalog.time.milliseconds + 1000
        try leave(HomeName.snapshot(kit: own.kit, instance: own.instance, time: later), on: service)
        let report = try await home.sync(service, prune: true)
        guard case .outdated? = report.heldBack else { throw report.heldBack ?? ReplicationError.suspicious("nothing") }
        #expect(try report.removed == 0 && report.snapshot == nil && service.contents[home.name(gone)] != nil)
        home.clock.advance(by: .seconds(2))
        try await home.catalog.acceptOver(kit: own.kit)
        let accepted = try await home.sync(service, prune: true)
        #expect(accepted.isComplete && accepted.removed == 1 && accepted.snapshot != nil)
    }

    @Test func `a home that is gone for good holds nothing back, and what it knew is told`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let own = try await home.catalog.identity()
        let gone = try await home.pin(1)
        try await home.sync(service)
        home.clock.advance(by: .seconds(10))
        let name = HomeName.snapshot(kit: own.kit, instance: "theirs", time: home.catalog.time.milliseconds)
        try leave(name, on: service)
        _ = try await home.catalog.removePins([gone], reason: "test")
        let held = try await home.sync(service, prune: true)
        guard case .outdated(_, _, "theirs"?, _)? = held.heldBack else {
            throw held.heldBack ?? ReplicationError.suspicious("nothing")
        }
        #expect(try await home.catalog.forgetPeers("theirs") == 1)
        let report = try await home.sync(service, prune: true)
        #expect(report.isComplete && report.removed == 1 && report.warnings.count == 1, "\(report)")
        #expect(try service.contents[#require(name)] != nil)
        // It is told once.
        try await home.pin(2)
        #expect(try await home.sync(service, prune: true).warnings.isEmpty)
    }

    @Test func `who was there long ago is not taken for somebody who came just now`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let marker = HomeName.marker(kit: "otherkit", instance: "theirs", incarnation: "i", isRemoving: false)
        try leave(marker, on: service)
        home.clock.advance(by: .seconds(40 * 86_400))
        let root = try await home.pin(1)
        try await home.sync(service)
        #expect(try await home.catalog.peers(on: "a").map(\.noticedAt) == [nil])
        _ = try await home.catalog.removePins([root], reason: "test")
        #expect(try await home.sync(service, prune: true).removed == 1)
    }

    @Test func `what another home of the kit left is newer, whatever this one left elsewhere`() async throws {
        let home = try await EngineSample(backends: ["a", "b"])
        let (one, other) = (home.service(), home.service())
        let own = try await home.catalog.identity()
        try await home.pin(1)
        try await home.sync(one, "a", places: ["a", "b"])
        home.clock.advance(by: .seconds(10))
        let between = home.catalog.time.milliseconds
        home.clock.advance(by: .seconds(10))
        try await home.sync(other, "b", places: ["a", "b"])
        try leave(HomeName.snapshot(kit: own.kit, instance: "theirs", time: between), on: one)
        try await home.pin(2)
        let report = try await home.sync(one, "a", places: ["a", "b"])
        guard case .outdated? = report.heldBack else { throw report.heldBack ?? ReplicationError.suspicious("nothing") }
        #expect(report.uploaded == 1 && report.snapshot == nil)
    }

    @Test func `a home keeps three snapshots of its own, and all of others`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let own = try await home.catalog.identity()
        try await home.pin(0)
        try await home.sync(service)
        let others = try (1...5).map { time in
            try #require(HomeName.snapshot(kit: own.kit, instance: "theirs", time: Int64(time)))
        }
        for name in others { try leave(name, on: service) }
        var left: [String] = []
        for number in 1...5 {
            try await home.pin(number)
            left.append(try #require(try await home.sync(service).snapshot))
        }
        let snapshots = service.contents.keys.filter { $0.text.hasSuffix(".car") && $0.text.hasPrefix("kits/") }
        #expect(Set(snapshots.map(\.text)) == Set(others.map(\.text) + left.suffix(3)))
    }

    @Test func `a snapshot can be read, however much stands beside the pins`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        for number in 0..<30 {
            let root = try await home.pin(number)
            let metadata = "{\"note\": \"\(String(repeating: "m", count: 400 << 10))\"}"
            try await home.catalog.addPins(
                [Pin(cid: root, metadata: metadata, createdAt: home.catalog.time)],
                reason: "test"
            )
        }
        #expect(try await home.sync(service).isComplete)
        let backend = home.open(service)
        let (register, snapshots) = (try #require(HomeRegister(backend)), try #require(Snapshots(backend)))
        let name = try #require(await register.list().snapshots.first)
        let scratch = home.folder + "/read"
        #expect(try await snapshots.problem(with: name, scratch: scratch) == nil)
        #expect(try await snapshots.fetch(name, into: scratch + "/it").pins().count == 30)
    }

    @Test func `two snapshots of one moment have two names`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let block = EngineSample.block(1)
        try await home.store.ingest { try await $0.write([block]) }
        let pin = Pin(cid: block.cid, createdAt: home.catalog.time)
        var names: Set<String> = []
        for _ in 0..<3 {
            try await home.catalog.addPins([pin], reason: "test")
            names.insert(try #require(try await home.sync(service).snapshot))
        }
        #expect(names.count == 3)
    }

    @Test func `a home whose announcement is not there relies on nothing`() async throws {
        let home = try await EngineSample()
        let service = home.service([.write, .delete, .rangeReads, .listing])
        let forgetful = AlteredService(service) { altered in
            altered.onPut = { (name, body) async throws(StorageError) in
                name.text.hasSuffix(".here") ? PutReceipt(proof: nil) : try await service.put(name, body)
            }
        }
        let root = try await home.pin(1)
        let report = try await home.sync(forgetful)
        #expect(!report.isComplete && report.uploaded == 0)
        #expect(service.contents[try home.name(root)] == nil)
    }
}
