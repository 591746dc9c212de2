import Catalog
import IPLD
import Multiformats
import Schema
@testable import Replication
import Storage
import TestKit
import Testing

/// What an engine makes of services that go wrong, and what is known afterwards.
@Suite(.scratch) struct EngineTests {
    @Test func `a damaged copy is replaced, whatever digest the service gives for it`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        let good = try #require(service.contents[try home.name(root)])
        // The bytes rot, and the digest in lists stays what it was.
        let rotten = FaultyService(
            service,
            [Fault(.get, .alter { Array($0.dropLast()) + [$0.last.map { $0 ^ 1 } ?? 0] })]
        )
        #expect(try await home.verify(rotten).map(\.verdict) == [.corrupt])
        let report = try await home.sync(service, force: true)
        #expect(report.uploaded == 1 && report.adopted == 0)
        #expect(try service.contents[home.name(root)] == good)
        #expect(try await home.status(root) == .stored)
    }

    @Test(arguments: [false, true]) func `an attempt that fails says nothing of a copy that was seen`(
        isForced: Bool
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        for (number, call) in [Fault.Call.get, .stat, .page, .put].enumerated() {
            try await home.pin(number + 2)
            let down = FaultyService(service, [Fault(call, .fail(.passing))])
            let report = try await home.sync(down, force: isForced)
            if call == .page || call == .put { #expect(!report.isComplete) }
            #expect(try await home.status(root) == .stored, "\(call)")
        }
        #expect(try await home.sync(service, force: isForced).isComplete)
    }

    @Test func `what somebody claims, and nobody here can follow, is neither whole nor damaged`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let block = Block(codec: Codec(rawValue: 0x78), bytes: Array("blob 1".utf8))
        let prefix = CARSection.prefix(for: block.cid, length: block.bytes.count)
        let car = CARHeader(roots: [block.cid]).encoded + prefix + block.bytes
        _ = try await service.put(try home.name(block.cid), Body(car))
        let path = try home.name(block.cid).text
        let claim = Observation(
            block.cid,
            .claimed,
            method: "claim",
            place: Location(path),
            at: home.catalog.time,
            by: "test"
        )
        _ = try await home.catalog.claim(claim, on: "a", name: "")
        #expect(try await home.verify(service).map(\.verdict) == [.unknown])
        #expect(try await home.status(block.cid) == .pending)
        // What is not even an archive of it is damage all the same.
        _ = try await service.put(try home.name(block.cid), Body(Array(car.dropLast())))
        #expect(try await home.verify(service).map(\.verdict) == [.corrupt])
    }

    @Test func `one root that always fails leaves the others in step`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let bad = try await home.pin(1)
        let refused = try home.name(bad)
        let refusing = AlteredService(service) { altered in
            altered.onPut = { (name, body) async throws(StorageError) in
                guard name != refused else { throw .passing }
                return try await service.put(name, body)
            }
        }
        for number in 2..<8 {
            let root = try await home.pin(number)
            let report = try await home.sync(refusing)
            #expect(report.failures.map(\.root) == [bad] && report.uploaded == 1 && report.stopped == nil)
            #expect(try await home.status(root) == .stored)
            let gone = try await home.pin(number + 100)
            try await home.sync(refusing)
            _ = try await home.catalog.removePins([gone], reason: "test")
            #expect(try await home.sync(refusing, prune: true).removed == 1)
        }
        // A root that the store cannot give is no failure of the backend either.
        #expect(try await home.sync(service).uploaded == 1)
        #expect(try await home.sync(service).wasClean)
    }

    // MARK: What stopped uploads leave

    /// A home in which uploads of two roots were stopped in the middle; the second is not wanted any more.
    private func interrupted() async throws -> (home: EngineSample, service: MemoryService, wanted: CID, gone: CID) {
        let home = try await EngineSample()
        let service = home.service()
        let (wanted, gone) = (try await home.pin(1), try await home.pin(2))
        let hanging = FaultyService(service, [Fault(.put, times: 2...9, .hang)])
        let sync = Task { try await home.sync(hanging) }
        while hanging.count(.put) < 3 { await Task.yield() }
        sync.cancel()
        _ = try await sync.value
        _ = try await home.catalog.removePins([gone], reason: "test")
        #expect(try await home.catalog.transfers(on: "a").count == 2)
        return (home, service, wanted, gone)
    }

    @Test func `what stopped uploads left is removed, of what is wanted and of what is not`() async throws {
        let (home, service, wanted, gone) = try await interrupted()
        let watched = FaultyService(service)
        #expect(try await home.sync(watched).isComplete)
        let (name, other) = (try home.name(wanted), try home.name(gone))
        let calls = watched.calls.filter { $0.hasPrefix("clear") || $0 == "put \(name)" || $0 == "put \(other)" }
        #expect(calls == ["clear \(other)", "clear \(name) for more", "put \(name)", "clear \(name)"])
        #expect(try await home.catalog.transfers(on: "a").isEmpty)
        // Nothing is looked for where nothing was stopped.
        try await home.pin(3)
        let later = FaultyService(service)
        #expect(try await home.sync(later).uploaded == 1 && later.count(.clear) == 0)
    }

    @Test func `what cannot be removed is told, and looked for again`() async throws {
        let (home, service, wanted, gone) = try await interrupted()
        for _ in 0..<2 {
            let report = try await home.sync(FaultyService(service, [Fault(.clear, times: 1...1, .fail(.lasting))]))
            #expect(
                report.isComplete && report.warnings.contains { $0.contains("what an upload that was stopped left") }
            )
            #expect(try await home.catalog.transfers(on: "a").map(\.cid) == [gone])
        }
        #expect(try await home.status(wanted) == .stored)
        let report = try await home.sync(service)
        #expect(report.isComplete && report.warnings.isEmpty)
        #expect(try await home.catalog.transfers(on: "a").isEmpty)
        #expect(try await home.sync(service).wasClean)
    }

    // MARK: Removals

    /// How a removal goes wrong.
    enum Removal: CaseIterable { case refused, down, replyLost, killed }

    @Test(arguments: Removal.allCases) func `what a removal came to is looked at before anything counts on it`(
        removal: Removal
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let roots = [try await home.pin(1), try await home.pin(2)]
        let kept = try await home.pin(3)
        try await home.sync(service)
        _ = try await home.catalog.removePins(roots, reason: "test")
        let effect: Fault.Effect =
            switch removal {
            case .refused: .fail(.lasting)
            case .down: .fail(.passing)
            case .replyLost: .loseReply(StorageError.passing.ofUnknownOutcome)
            case .killed: .hang
            }
        let broken = FaultyService(service, [Fault(.delete, effect)])
        if removal == .killed {
            let pruning = Task { try await home.sync(broken, prune: true) }
            while broken.count(.delete) == 0 { await Task.yield() }
            pruning.cancel()
            _ = try await pruning.value
        } else {
            let report = try await home.sync(broken, prune: true)
            #expect(!report.isComplete && report.removed == 0)
        }
        // Whatever is pinned again now is there afterwards, or it is not said to be.
        try await home.catalog.addPins([Pin(cid: roots[0], createdAt: home.catalog.time)], reason: "test")
        #expect(try await home.status(roots[0]) != nil)
        let after = try await home.sync(service)
        #expect(after.isComplete)
        #expect(try await home.status(roots[0]) == .stored)
        #expect(try service.contents[home.name(roots[0])] != nil)
        #expect(try await home.status(kept) == .stored)
        #expect(try await home.sync(service, prune: true).isComplete)
        #expect(try service.contents[home.name(roots[1])] == nil)
        #expect(try await home.status(roots[1]) == nil)
        #expect(try await home.catalog.transfers(on: "a").isEmpty)
    }

    /// That a service removed something is its word until somebody has looked.
    @Test func `what was said to be removed and is there counts as there`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let gone = try await home.pin(1)
        try await home.sync(service)
        _ = try await home.catalog.removePins([gone], reason: "test")
        let liar = AlteredService(service) { $0.onDelete = { (_) async throws(StorageError) in } }
        let report = try await home.sync(liar, prune: true)
        #expect(report.removed == 0 && report.failures.map(\.root) == [gone] && !report.isComplete, "\(report)")
        #expect(try await home.catalog.transfers(on: "a").map(\.cid) == [gone])
        let next = try await home.sync(service, prune: true)
        #expect(next.removed == 1 && next.isComplete)
        #expect(try service.contents[home.name(gone)] == nil)
        #expect(try await home.status(gone) == nil)
    }

    @Test func `a service where nothing can be removed goes on being synced`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let gone = try await home.pin(1)
        let closed = FaultyService(service, [Fault(.delete, .fail(.lasting))])
        try await home.sync(closed)
        _ = try await home.catalog.removePins([gone], reason: "test")
        for number in 2..<7 {
            try await home.pin(number)
            let report = try await home.sync(closed)
            #expect(report.isComplete && report.snapshot != nil && report.uploaded == 1)
        }
        let pruned = try await home.sync(closed, prune: true)
        #expect(!pruned.isComplete && pruned.removed == 0 && pruned.failures.count == 1)
        // It was refused, and a look shows that all is as it was.
        #expect(try await home.status(gone) == .stored)
        #expect(try await home.catalog.transfers(on: "a").isEmpty)
        #expect(try await home.sync(closed).isComplete)
    }

    // MARK: Fencing

    @Test(arguments: [Fault.Call.delete, .put]) func `who has lost the lease sends nothing more, and writes nothing`(
        call: Fault.Call
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        var roots: [CID] = []
        for number in 0..<6 { roots.append(try await home.pin(number)) }
        if call == .delete {
            try await home.sync(service)
            _ = try await home.catalog.removePins(roots, reason: "test")
        }
        let doorway = Doorway()
        let slow = AlteredService(service) { altered in
            altered.onDelete = { (name) async throws(StorageError) in
                if !name.text.hasPrefix("kits/") { await doorway.pass() }
                try await service.delete(name)
            }
            altered.onPut = { (name, body) async throws(StorageError) in
                if call == .put, !name.text.hasPrefix("kits/") { await doorway.pass() }
                return try await service.put(name, body)
            }
        }
        let first = Task { try await home.sync(slow, prune: true) }
        await doorway.arrived()
        // Meanwhile the backend is made anew under its name, and everything is pinned.
        try await home.catalog.reincarnate("a")
        try await home.catalog.addPins(roots.map { Pin(cid: $0, createdAt: home.catalog.time) }, reason: "test")
        doorway.open()
        #expect(try await first.value.isComplete == false)
        // No more than what was decided before was sent, one request in each lane.
        #expect(doorway.passed <= 2)
        #expect(try await home.catalog.mappings(on: "a").allSatisfy { $0.status != .stored })
        let second = try await home.sync(service)
        #expect(second.isComplete, "\(second)")
        for root in roots {
            #expect(try await home.status(root) == .stored)
            #expect(try service.contents[home.name(root)] != nil)
        }
    }

    @Test(arguments: [Fault.Call.delete, .put]) func `a request is not sent again when what it was for is over`(
        call: Fault.Call
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        if call == .delete {
            try await home.sync(service)
            _ = try await home.catalog.removePins([root], reason: "test")
        }
        let tries = Locked(0)
        let failing = AlteredService(service) { altered in
            altered.onDelete = { (name) async throws(StorageError) in
                guard !name.text.hasPrefix("kits/") else { return try await service.delete(name) }
                tries.change { $0 += 1 }
                // Before the next try the root is pinned again.
                let pin = Pin(cid: root, createdAt: home.catalog.time)
                do { try await home.catalog.addPins([pin], reason: "test") } catch { throw .lasting }
                throw .passing
            }
            altered.onPut = { (name, body) async throws(StorageError) in
                guard !name.text.hasPrefix("kits/") else { return try await service.put(name, body) }
                tries.change { $0 += 1 }
                // Before the next try the backend is another one.
                do { try await home.catalog.reincarnate("a") } catch { throw .lasting }
                throw .passing
            }
        }
        let report = try await home.sync(failing, prune: true, retries: 3)
        #expect(!report.isComplete && tries.read { $0 } == 1)
        #expect(try (service.contents[home.name(root)] != nil) == (call == .delete))
    }

    @Test func `of two on one machine the second is told who has the lease, whatever the clock says`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        try await home.pin(1)
        let doorway = Doorway()
        let slow = AlteredService(service) { altered in
            altered.onPut = { (name, body) async throws(StorageError) in
                if !name.text.hasPrefix("kits/") { await doorway.pass() }
                return try await service.put(name, body)
            }
        }
        let first = Task { try await home.sync(slow) }
        await doorway.arrived()
        home.clock.set(by: .seconds(86_400))
        let error = await #expect(throws: ReplicationError.self) { try await home.sync(service) }
        if case .leased(backend: "a", _)? = error {} else { Issue.record("\(String(describing: error))") }
        doorway.open()
        #expect(try await first.value.isComplete)
        #expect(try await home.sync(service).wasClean)
    }
}
