import Catalog
import IPLD
import Multiformats
@testable import Replication
import Schema
import Storage
import TestKit
import Testing

/// When a root counts as having arrived, and what a sync makes of what it finds.
@Suite(.scratch) struct ArrivalTests {
    private static let withDigests: Capabilities = [.write, .delete, .rangeReads, .listing, .digests]
    private static let withoutDigests: Capabilities = [.write, .delete, .rangeReads, .listing]

    @Test(arguments: [withDigests, withoutDigests], [true, false])
    func `what has the name already is adopted only where it is the same`(
        capabilities: Capabilities,
        isSame: Bool
    ) async throws {
        let home = try await EngineSample()
        let root = try await home.pin(1)
        let first = home.service(capabilities)
        try await home.sync(first)
        let good = try #require(first.contents[try home.name(root)])

        let other = try await EngineSample("other")
        try await other.pin(1)
        let service = other.service(capabilities)
        var found = good
        if !isSame { found[found.count - 1] ^= 1 }
        service.tamper(try home.name(root), found)
        let report = try await other.sync(service)
        #expect(report.isComplete && report.adopted == (isSame ? 1 : 0) && report.uploaded == (isSame ? 0 : 1))
        #expect(service.contents[try home.name(root)] == good)
    }

    @Test func `what would go beyond the quota is not sent, and stops nothing else`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let first = try await home.pin(1)
        try await home.sync(service)
        let length = UInt64(try #require(service.contents[try home.name(first)]).count)
        let others = [try await home.pin(2), try await home.pin(3), try await home.pin(4)]
        // Room for one more of the three, which are of one length.
        let report = try await home.sync(service, quota: 3 * length - 1)
        #expect(report.uploaded == 1 && report.failures.count == 2 && report.stopped == nil, "\(report)")
        #expect(others.filter { (try? service.contents[home.name($0)]) ?? nil != nil }.count == 1)
        for failure in report.failures {
            guard case .storage(let error) = failure.error else { throw failure.error }
            #expect(error.code == .quotaExceeded)
        }
        #expect(try await home.isDirty() == true)
        #expect(try await home.sync(service, quota: 4 * length).uploaded == 2)
        #expect(try await home.isDirty() == false)
    }

    @Test func `an upload whose reply was lost is looked for, and not sent again`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        try await home.pin(1)
        try await home.sync(service)
        let root = try await home.pin(2)
        let losing = FaultyService(service, [Fault(.put, time: 1, .loseReply(StorageError.passing.ofUnknownOutcome))])
        #expect(try await home.sync(losing).failures.map(\.root) == [root])
        #expect(try await home.catalog.transfers(on: "a").map(\.cid) == [root])
        #expect(try await home.status(root) == nil)
        let again = try await home.sync(service)
        #expect(again.adopted == 1 && again.uploaded == 0)
        #expect(try await home.status(root) == .stored)
        #expect(try await home.catalog.transfers(on: "a").isEmpty)
    }

    @Test func `what may not be removed beside a root is told, and keeps the root from nothing`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        try await home.pin(1)
        try await home.sync(service)
        try await home.pin(2)
        let losing = Fault(.put, time: 1, .fail(StorageError.passing.ofUnknownOutcome))
        #expect(try await home.sync(FaultyService(service, [losing])).failures.count == 1)
        let again = try await home.sync(FaultyService(service, [Fault(.clear, .fail(.lasting))]))
        #expect(again.failures.isEmpty && again.uploaded == 1 && again.warnings.count == 1, "\(again)")
    }

    @Test func `what was refused leaves nothing to be looked for`() async throws {
        let home = try await EngineSample()
        let root = try await home.pin(1)
        let report = try await home.sync(FaultyService(home.service(), [Fault(.put, times: 2...2, .fail(.lasting))]))
        #expect(report.failures.map(\.root) == [root])
        #expect(try await home.catalog.transfers(on: "a").isEmpty)
    }

    @Test func `a removal that was stopped is looked at by the next sync, though nothing else is to be done`()
        async throws
    {
        let home = try await EngineSample()
        let service = home.service()
        let gone = try await home.pin(1)
        try await home.pin(2)
        try await home.sync(service)
        _ = try await home.catalog.removePins([gone], reason: "test")
        try await home.sync(service)
        #expect(try await home.isDirty() == false)
        let hanging = FaultyService(service, [Fault(.delete, .hang)])
        let pruning = Task { try await home.sync(hanging, prune: true) }
        while hanging.count(.delete) == 0 { await Task.yield() }
        pruning.cancel()
        _ = try await pruning.value
        // As a killed process leaves it: nobody noted that the sync failed.
        let generation = try #require(try await home.catalog.backendState("a")).generation
        do {
            let lease = try await home.catalog.takeLease("a", for: 60_000).get()
            try await home.catalog.finishSync(generation: generation, under: lease)
            try await home.catalog.release(lease)
        }
        #expect(try await home.catalog.transfers(on: "a").map(\.cid) == [gone])
        let next = try await home.sync(service)
        #expect(!next.wasClean && next.isComplete)
        #expect(try await home.catalog.transfers(on: "a").isEmpty)
    }

    @Test func `a root whose removal failed is compared before it counts again`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        let good = try #require(service.contents[try home.name(root)])
        _ = try await home.catalog.removePins([root], reason: "test")
        try await home.sync(FaultyService(service, [Fault(.delete, .fail(.passing))]), prune: true)
        // What the failed removal left is not what was there.
        service.tamper(try home.name(root), good.map { $0 ^ 1 })
        try await home.pin(1)
        let report = try await home.sync(service)
        #expect(report.isComplete && report.uploaded == 1 && report.adopted == 0)
        #expect(try service.contents[home.name(root)] == good)
    }

    @Test func `the word that something is there is no copy`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        try await home.pin(1)
        try await home.sync(service)
        let root = EngineSample.block(2).cid
        let claim = Observation(
            root,
            .claimed,
            method: "claim",
            place: Location(try home.name(root).text),
            at: home.catalog.time,
            by: "test"
        )
        _ = try await home.catalog.claim(claim, on: "a", name: "")
        try await home.pin(2)
        #expect(try await home.sync(service).uploaded == 1)
        #expect(service.contents[try home.name(root)] != nil)
        #expect(try await home.status(root) == .stored)
    }

    /// Another place compares what is there; another account has names and lengths looked up.
    @Test(arguments: [true, false]) func `what leads elsewhere is looked at, though all may be there`(
        isPlace: Bool
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let roots = [try await home.pin(1), try await home.pin(2)]
        func sync(_ service: MemoryService, _ name: String) async throws -> SyncReport {
            isPlace
                ? try await home.sync(service, at: name) : try await home.sync(service, account: name)
        }
        _ = try await sync(service, "one")
        #expect(try await sync(service, "one").wasClean)
        // Whose it is may not be known at times.
        if !isPlace { #expect(try await sync(service, "").wasClean) }
        // A copy of the place, from which one thing is missing.
        let copy = home.service()
        for (name, bytes) in service.contents { copy.tamper(name, bytes) }
        copy.tamper(try home.name(roots[1]), nil)
        let report = try await sync(copy, "two")
        #expect(report.isComplete && report.adopted == (isPlace ? 1 : 0) && report.uploaded == 1, "\(report)")
        #expect(try await sync(copy, "two").wasClean)
    }

    @Test func `a place that went back in time is looked at`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        try await home.pin(1)
        try await home.sync(service)
        let before = service.contents
        let lost = try await home.pin(2)
        try await home.sync(service)
        for name in service.contents.keys where before[name] == nil { service.tamper(name, nil) }
        try await home.pin(3)
        let report = try await home.sync(service)
        #expect(report.isComplete && report.adopted == 1 && report.uploaded == 2, "\(report)")
        #expect(report.warnings.count == 1)
        #expect(service.contents[try home.name(lost)] != nil)
    }

    @Test func `a snapshot vouches for nothing that was stored after it`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        try await home.pin(1)
        try await home.sync(service)
        let before = service.contents
        let lost = try await home.pin(2)
        // Content arrives, and the snapshot does not.
        let troubled = AlteredService(service) { altered in
            altered.onPut = { (name, body) async throws(StorageError) in
                guard !name.text.hasPrefix("kits/") else { throw StorageError(.unavailable, "Not now.") }
                return try await service.put(name, body)
            }
        }
        #expect(try await home.sync(troubled).uploaded == 1)
        #expect(try await home.status(lost) == .stored)
        for name in service.contents.keys where before[name] == nil { service.tamper(name, nil) }
        let report = try await home.sync(service)
        #expect(report.isComplete && report.uploaded == 1, "\(report)")
        #expect(service.contents[try home.name(lost)] != nil)
        #expect(try await home.catalog.backendState("a")?.unsavedSince == nil)
    }

    @Test(arguments: [true, false]) func `a sync that was stopped leaves nothing that makes all later ones work`(
        isCompared: Bool
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let roots = [try await home.pin(1), try await home.pin(2)]
        try await home.sync(service)
        // It stops while it compares, or while it sends what turned out to be something else.
        if !isCompared { for root in roots { service.tamper(try home.name(root), [1, 2, 3]) } }
        let stopping = AlteredService(service) { altered in
            altered.onStat = { (name) async throws(StorageError) in
                if isCompared, name.text.hasPrefix("cars/") { throw StorageError.cancelled }
                return try await service.stat(name)
            }
            altered.onPut = { (name, body) async throws(StorageError) in
                if name.text.hasPrefix("cars/") { throw StorageError.cancelled.ofUnknownOutcome }
                return try await service.put(name, body)
            }
        }
        #expect(try await !home.sync(stopping, force: true).isComplete)
        #expect(try await home.catalog.transfers(on: "a").isEmpty == isCompared)
        let next = try await home.sync(service)
        #expect(next.isComplete && next.uploaded == (isCompared ? 0 : 2), "\(next)")
        #expect(try await home.catalog.transfers(on: "a").isEmpty)
        #expect(try await home.sync(service).wasClean)
    }

    @Test func `a full place on which anybody ever was keeps everything`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let theirs = HomeName.marker(kit: "k", instance: "theirs", incarnation: "i", isRemoving: false)
        service.tamper(try #require(theirs), Array("{}".utf8))
        let root = try await home.pin(1)
        try await home.sync(service)
        home.clock.advance(by: .seconds(60 * 86_400))
        try await home.pin(2)
        try await home.sync(service)
        _ = try await home.catalog.removePins([root], reason: "test")
        let full = FaultyService(service, [Fault(.put, .fail(StorageError(.quotaExceeded, "There is no room.")))])
        #expect(try await home.sync(full, prune: true).removed == 0)
        #expect(service.contents[try home.name(root)] != nil)
        #expect(try await home.sync(service, prune: true).removed == 1)
    }

    @Test func `a place that is full lets go of what nobody wants`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let roots = [try await home.pin(1), try await home.pin(2), try await home.pin(3)]
        try await home.sync(service)
        _ = try await home.catalog.removePins(Array(roots.prefix(2)), reason: "test")
        let full = FaultyService(service, [Fault(.put, .fail(StorageError(.quotaExceeded, "There is no room.")))])
        let report = try await home.sync(full, prune: true)
        #expect(report.removed == 2 && report.heldBack != nil, "\(report)")
        #expect(try roots.map { try service.contents[home.name($0)] != nil } == [false, false, true])
        // Beside somebody else nothing goes that could not be announced.
        _ = try await home.catalog.removePins([roots[2]], reason: "test")
        let theirs = HomeName.marker(kit: "k", instance: "theirs", incarnation: "i", isRemoving: false)
        service.tamper(try #require(theirs), Array("{}".utf8))
        #expect(try await home.sync(full, prune: true).removed == 0)
        #expect(service.contents[try home.name(roots[2])] != nil)
    }

    @Test func `a place that is another one by now is refused, until the owner says so`() async throws {
        let home = try await EngineSample()
        let (known, empty) = (home.service(), home.service())
        let root = try await home.pin(1)
        try await home.sync(known)
        let other = try await EngineSample("other")
        try await other.pin(9)
        let foreign = home.service()
        try await other.sync(foreign)
        for place in [empty, foreign] {
            let before = place.contents
            try await home.pin(2)
            let report = try await home.sync(place)
            guard case .strangePlace? = report.stopped else {
                Issue.record("\(report)")
                continue
            }
            #expect(place.contents == before)
            #expect(try await home.status(root) == .stored)
        }
        #expect(try await home.sync(empty, force: true).uploaded == 2)
        #expect(empty.contents[try home.name(root)] != nil)
    }

    /// What a name began whose answer was lost is not begun anew, nor waited for, when another name brought it.
    @Test(arguments: [true, false]) func `an upload ends under each name of its place`(
        isSeenBySync: Bool
    ) async throws {
        let home = try await EngineSample(backends: ["a", "b"])
        let service = home.service()
        let names = ["a", "b"]
        let others: [String: any StorageService] = ["a": service, "b": service]
        for name in names + names { try await home.sync(service, name, places: names, others: others) }
        #expect(Set(try await home.catalog.backendStates().map(\.place)).count == 1)
        let root = try await home.pin(1)
        let name = try home.name(root)
        let cut = FaultyService(service, [Fault(.put, time: 1, .loseReply(.passing.ofUnknownOutcome))])
        #expect(try await home.sync(cut, "a", places: names, others: others).failures.count == 1)
        #expect(try await home.catalog.transfers(on: "a").map(\.cid) == [root])
        if isSeenBySync {
            let asked = FaultyService(service)
            // The first name is not there to take it.
            #expect(try await home.sync(asked, "b", places: ["b"], others: others).isComplete)
            #expect(!asked.calls.contains("put \(name)"), "\(asked.calls)")
        } else {
            // Who only looks ends nothing.
            let seen = Observation(
                root,
                .whole,
                method: "read-back",
                place: Location(name.text, length: UInt64(service.contents[name]?.count ?? 0)),
                at: home.catalog.time,
                by: "test"
            )
            _ = try await home.catalog.observing("b") { try await home.catalog.record([seen], under: $0) }
            #expect(try await home.catalog.transfers(on: "a").map(\.cid) == [root])
            try await home.sync(service, "a", places: names, others: others)
        }
        #expect(try await home.catalog.transfers(on: "a").isEmpty)
        #expect(try await home.status(root, "b") == .stored)
    }

    /// Something was sent over a copy that had been seen under another name before: it is compared, and not believed.
    @Test func `an upload over an older copy is looked at`() async throws {
        let home = try await EngineSample(backends: ["a", "b"])
        let service = home.service([.write, .delete, .rangeReads, .listing])
        let names = ["a", "b"]
        let others: [String: any StorageService] = ["a": service, "b": service]
        for name in names + names { try await home.sync(service, name, places: names, others: others) }
        let root = try await home.pin(1)
        let name = try home.name(root)
        try await home.sync(service, "b", places: ["b"], others: others)
        #expect(try await home.status(root, "b") == .stored)
        home.clock.advance(by: .seconds(1))
        let lease = try await home.catalog.takeLease("a", for: 60_000).get()
        try await home.catalog.begin([root], under: lease)
        try await home.catalog.release(lease)
        let whole = try #require(service.contents[name])
        service.tamper(name, Array(whole.dropLast()) + [(whole.last ?? 0) ^ 1])
        let report = try await home.sync(service, "a", places: names, others: others)
        #expect(report.isComplete && report.uploaded == 1, "\(report)")
        #expect(service.contents[name] == whole)
        #expect(try await home.catalog.transfers(on: "a").isEmpty)
    }
}
