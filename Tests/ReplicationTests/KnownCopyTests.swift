import BlockStore
import Catalog
import IPLD
import Multiformats
@testable import Replication
import Schema
import Storage
import TestKit
import Testing

/// What counts as stored stays so, or not, by what is seen of it.
@Suite(.scratch) struct KnownCopyTests {
    /// How a copy that counted was lost.
    enum Loss: CaseIterable { case gone, damaged }

    @Test(arguments: Loss.allCases) func `a loss that a sync sees counts, also where nothing can be sent instead`(
        _ loss: Loss
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        let name = try home.name(root)
        service.tamper(name, loss == .gone ? nil : [1, 2, 3])
        let full = FaultyService(service, [Fault(.put, .fail(StorageError(.quotaExceeded, "It is full.")))])
        #expect(try await home.sync(full, force: true).failures.count == 1)
        #expect(try await home.status(root) == (loss == .gone ? .missing : .corrupt))
        let report = try await home.sync(service)
        #expect(report.uploaded == 1 && report.isComplete)
        #expect(try await home.status(root) == .stored)
    }

    /// What a reading that failed says of a copy; who only did not answer well says nothing of it.
    @Test(arguments: [
        (StorageError.Code.notFound, false, Verifier.Verdict.withheld, Mapping.Status.unknown),
        (.corrupt, false, .corrupt, .corrupt), (.unavailable, true, .withheld, .unknown),
        (.unavailable, false, .unknown, .stored), (.tooLarge, false, .unknown, .stored),
        (.permissionDenied, false, .unknown, .stored), (.rateLimited, false, .unknown, .stored),
    ])
    func `a reading that fails says what it says, and no more`(
        _ code: StorageError.Code,
        isPromise: Bool,
        _ verdict: Verifier.Verdict,
        _ status: Mapping.Status
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        let plain = StorageError(code, "It was not read.")
        let failing = FaultyService(service, [Fault(.get, .fail(isPromise ? plain.ofBrokenPromise : plain))])
        #expect(try await home.verify(failing).map(\.verdict) == [verdict])
        #expect(try await home.status(root) == status)
        #expect(try await home.isDirty() == (status != .stored))
    }

    /// A service may list what it was sent, with its digest, and give nothing.
    @Test func `what a reading did not find counts again only when it is read`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        let name = try home.name(root)
        let hollow = AlteredService(service) { altered in
            altered.onGet = { (asked, range, version) async throws(StorageError) in
                guard asked != name else { throw StorageError(.notFound, "There is nothing.") }
                return try await service.get(asked, range, version: version)
            }
        }
        #expect(try await home.verify(hollow).map(\.verdict) == [.withheld])
        for _ in 1...2 {
            let report = try await home.sync(hollow)
            #expect(report.uploaded == 0 && report.failures.map(\.root) == [root], "\(report)")
            #expect(try await home.status(root) == .missing)
        }
        // It is looked for before it is sent: it may be given again.
        let report = try await home.sync(service)
        #expect(report.isComplete && report.adopted == 1 && report.uploaded == 0, "\(report)")
        #expect(try await home.status(root) == .stored)
    }

    /// Where a loss was seen.
    enum Sight: CaseIterable { case reading, look, sameSync }

    /// Who lost something, and says the right digest of what he drops, is not believed for anything else either.
    @Test(arguments: Sight.allCases) func `where something is lost no digest proves what is sent`(
        _ sight: Sight
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        // The one that is looked at first of all.
        let numbers = (0..<6).sorted { EngineSample.block($0).cid < EngineSample.block($1).cid }
        let root = try await home.pin(numbers[0])
        try await home.sync(service)
        service.tamper(try home.name(root), nil)
        switch sight {
        case .reading: #expect(try await home.verify(service).map(\.verdict) == [.missing])
        case .look:
            let full = FaultyService(service, [Fault(.put, .fail(StorageError(.quotaExceeded, "It is full.")))])
            #expect(try await home.sync(full, force: true).failures.count == 1)
        case .sameSync: break
        }
        let roots = try await home.pin(many: 6)
        let dropping = AlteredService(service) { altered in
            altered.onPut = { (name, body) async throws(StorageError) in
                let receipt = try await service.put(name, body)
                if name.text.hasPrefix("cars/") { service.tamper(name, nil) }
                return receipt
            }
        }
        let report = try await home.sync(dropping, force: sight == .sameSync, lanes: 1)
        #expect(report.uploaded == 0 && report.failures.count == roots.count, "\(report)")
        for root in roots { #expect(try await home.status(root) != .stored) }
    }

    @Test func `what was sent instead of a copy that counted is told`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        service.tamper(try home.name(root), [1, 2, 3])
        try await home.pin(2)
        let report = try await home.sync(service, force: true)
        #expect(report.replaced == 1 && report.uploaded == 2 && report.warnings.count == 1)
    }

    /// A CAR may have its blocks in another order, or twice.
    @Test(arguments: [true, false]) func `another CAR of a root that was verified is as good as ours`(
        isWhole: Bool
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        let block = EngineSample.block(1)
        let section = CARSection.prefix(for: root, length: block.bytes.count) + block.bytes
        var car = CARHeader(roots: [root]).encoded + section + section
        let name = try home.name(root)
        service.tamper(name, car)
        let claim = Observation(
            root,
            .claimed,
            method: "claim",
            place: Location(name.text),
            at: home.catalog.time,
            by: "test"
        )
        _ = try await home.catalog.claim(claim, on: "a", name: "")
        #expect(try await home.verify(service).map(\.verdict) == [.whole])
        if !isWhole {
            car[car.count - 1] ^= 1
            service.tamper(name, car)
        }
        let report = try await home.sync(service, force: true)
        #expect(report.adopted == (isWhole ? 1 : 0) && report.uploaded == (isWhole ? 0 : 1))
        #expect((service.contents[name] == car) == isWhole)
        #expect(try await home.status(root) == .stored)
    }

    @Test func `a damaged copy that cannot be searched keeps no other from being asked`() async throws {
        let home = try await EngineSample()
        let tree = EngineSample.block(1)
        let (bad, good) = (home.service(), home.service())
        let section = CARSection.prefix(for: tree.cid, length: tree.bytes.count) + tree.bytes
        let car = CARHeader(roots: [tree.cid]).encoded + section
        bad.tamper(try home.name(tree.cid), Array(car.dropLast(2)))
        good.tamper(try home.name(tree.cid), car)
        let down = FaultyService(bad, [Fault(.get, times: 2...Int.max, .fail(.passing))])
        let restorer = home.restorer()
        let sources = [home.open(down, "bad"), home.open(good, "good")].map {
            Restorer.Source(backend: $0, at: nil, size: nil)
        }
        let outcome = try await restorer.restore(tree.cid, from: sources, thorough: false)
        guard case .restored(let source, _, let after) = outcome else {
            throw ReplicationError.suspicious("\(outcome)")
        }
        #expect(source.backend.name == "good" && after.count == 1)
    }

    /// An outage of who gave something is waited out once; a long one does not cost each root the time that it takes
    /// to see it, and who never gave anything is not waited for.
    @Test(arguments: [(1...3, 5, 8), (1...Int.max, 0, 5), (2...7, 3, 9), (2...Int.max, 1, 8)])
    func `who does not answer is not asked for each root`(
        _ lost: ClosedRange<Int>,
        brought: Int,
        asked: Int
    )
        async throws
    {
        let home = try await EngineSample()
        let service = home.service()
        let roots = try await home.pin(many: 6)
        try await home.sync(service)
        let down = FaultyService(service, [Fault(.get, times: lost, .fail(.passing))])
        let other = try BlockStore(folder: home.folder + "/other")
        let restorer = home.restorer(of: other)
        let source = Restorer.Source(backend: home.open(down, "a"), at: nil, size: nil)
        var restored = 0
        for root in roots {
            let outcome = try await restorer.restore(root, from: [source, source], thorough: false)
            if case .restored = outcome { restored += 1 }
        }
        // Two places of one root are one question; three in a row are enough, and once more after a minute.
        #expect(restored == brought)
        #expect(down.calls.filter { $0.hasPrefix("get cars/") }.count == asked, "\(down.calls)")
    }

    /// One after another, each would wait for its backend alone.
    @Test(.timeLimit(.minutes(2))) func `roots are brought several at once`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let roots = try await home.pin(many: 20)
        try await home.sync(service)
        let lost = try home.name(roots[7])
        let begun = Locked(0)
        let waiting = AlteredService(service) { altered in
            altered.onGet = { (name, range, version) async throws(StorageError) in
                begun.change { $0 += 1 }
                while begun.read({ $0 < 4 }) { await Task.yield() }
                guard name != lost else { throw StorageError(.notFound, "There is nothing.") }
                return try await service.get(name, range, version: version)
            }
        }
        let restorer = home.restorer(of: try BlockStore(folder: home.folder + "/other"))
        let source = Restorer.Source(backend: home.open(waiting, "a"), at: nil, size: 4096)
        var (restored, failed): ([Int], [Int]) = ([], [])
        try await restorer.restore(roots.map { Restorer.Wanted($0, from: [source]) }, thorough: false) { arrival in
            if case .restored = arrival.outcome {
                restored.append(arrival.number)
            } else {
                failed.append(arrival.number)
            }
        }
        #expect(failed == [7] && restored.sorted() == (0..<20).filter { $0 != 7 })
        for number in restored { #expect(try await restorer.isWhole(roots[number], thorough: true)) }
    }

    /// What is in an archive, or not given, says nothing of the service: others are had there, and brought there.
    @Test func `what is wrong with some roots keeps no other`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let roots = try await home.pin(many: 40)
        let bad = Set(try roots.prefix(30).map { try home.name($0) })
        let waiting = StorageError(.unavailable, "It is in an archive.", retry: .later).ofObject
        let partial = AlteredService(service) { altered in
            altered.onPut = { (name, body) async throws(StorageError) in
                guard !bad.contains(name) else { throw waiting }
                return try await service.put(name, body)
            }
            altered.onGet = { (name, range, version) async throws(StorageError) in
                guard !bad.contains(name) else { throw waiting }
                return try await service.get(name, range, version: version)
            }
        }
        let report = try await home.sync(partial)
        #expect(report.uploaded == 10 && report.failures.count == 30 && report.stopped == nil)
        #expect(try await home.sync(service).isComplete)
        let restorer = home.restorer(of: try BlockStore(folder: home.folder + "/other"))
        let source = Restorer.Source(backend: home.open(partial, "a"), at: nil, size: 4096)
        var restored: Set<Int> = []
        try await restorer.restore(roots.map { Restorer.Wanted($0, from: [source]) }, thorough: false) { arrival in
            if case .restored = arrival.outcome { restored.insert(arrival.number) }
        }
        #expect(restored == Set(30..<40))
    }
}
