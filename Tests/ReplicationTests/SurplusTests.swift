import Catalog
import IPLD
import Multiformats
@testable import Replication
import Storage
import TestKit
import Testing

/// A copy beyond what is wanted goes on account of the others: they are looked at in that moment.
@Suite(.scratch) struct SurplusTests {
    /// A root on two services, of which one is enough.
    private func surplus(
        in home: EngineSample,
        _ one: MemoryService,
        _ other: MemoryService
    ) async throws -> (root: CID, surplus: EngineSample.Surplus) {
        let root = try await home.pin(1)
        try await home.sync(one, "a", places: ["a", "b"])
        try await home.sync(other, "b", places: ["a", "b"])
        try await home.pin(1, replicas: 1)
        return (root, try #require(await home.surplus(of: root, among: ["a": one, "b": other])))
    }

    enum Keeper: CaseIterable { case sound, gone, cut, rotten, hollow, zeros, outOfReach }

    @Test(arguments: Keeper.allCases, [true, false]) func `no surplus copy goes unless the others are seen now`(
        keeper: Keeper,
        hasDigests: Bool
    ) async throws {
        let home = try await EngineSample(backends: ["a", "b"])
        let powers: Capabilities = [.write, .delete, .rangeReads, .listing]
        let (root, surplus) =
            hasDigests
            ? try await surplus(in: home, home.service(), home.service())
            : try await surplus(in: home, home.service(powers), home.service(powers))
        let name = try home.name(root)
        var others: [String: any StorageService] = [surplus.otherName: surplus.other]
        switch keeper {
        case .sound: break
        case .gone: surplus.other.tamper(name, nil)
        case .cut: surplus.other.tamper(name, surplus.other.contents[name].map { Array($0.dropLast()) })
        case .rotten:
            let rotten = surplus.other.contents[name].map { $0.dropLast() + [($0.last ?? 0) ^ 1] }
            surplus.other.tamper(name, rotten.map(Array.init))
        case .hollow:
            let lost = StorageError(.notFound, "There is nothing.")
            others[surplus.otherName] = FaultyService(surplus.other, [Fault(.get, .fail(lost))])
        case .zeros:
            let zeros = Fault(.get, .alter { bytes in bytes.map { _ in 0 } })
            others[surplus.otherName] = FaultyService(surplus.other, [zeros])
        case .outOfReach: others[surplus.otherName] = FaultyService(surplus.other, [Fault(.stat, .fail(.passing))])
        }
        let report = try await home.sync(
            surplus.service,
            surplus.name,
            prune: true,
            places: ["a", "b"],
            others: others
        )
        let isSound = keeper == .sound
        #expect(report.removed == (isSound ? 1 : 0) && report.isComplete == isSound, "\(report)")
        #expect((surplus.service.contents[name] == nil) == isSound)
        #expect(try await home.catalog.transfers(on: surplus.name).isEmpty)
        #expect(try await home.status(root, surplus.name) == (isSound ? nil : .stored))
        // What was seen is written down.
        let seen: Mapping.Status =
            switch keeper {
            case .sound, .outOfReach: .stored
            case .gone: .missing
            case .cut, .rotten, .zeros: .corrupt
            // It says that it has it.
            case .hollow: .unknown
            }
        #expect(try await home.status(root, surplus.otherName) == seen)
    }

    /// The gate asks no backend: it takes nobody's word for it that the others were looked at.
    @Test func `what is not seen a moment before is not admitted`() async throws {
        let home = try await EngineSample(backends: ["a", "b"])
        let (root, surplus) = try await surplus(in: home, home.service(), home.service())
        let witnesses = try await home.engine([surplus.name: surplus.service, surplus.otherName: surplus.other])
            .witnesses
        guard case .success(let lease) = try await home.catalog.takeLease(surplus.name, for: 60_000) else {
            Issue.record("Nobody else has the lease.")
            return
        }
        let pin = try #require(await home.catalog.pin(root))
        let reason = Removal.surplus(minimum: 1, others: [surplus.otherName], pinChangedAt: pin.updatedAt)
        _ = try await home.catalog.begin([(root, reason)], under: lease)
        let fence = Fence(catalog: home.catalog, lease: lease, witnesses: witnesses)
        let name = try home.name(root)
        let refusal = await #expect(throws: StorageError.self) { try await fence.admit(.delete(name)) }
        #expect(refusal?.code == .late && refusal?.mayHaveHappened == false)
        try await witnesses.expect(1, of: [surplus.otherName], toHave: root, besides: surplus.name)
        try await fence.admit(.delete(name))
        try await home.catalog.release(lease)
    }

    @Test func `a copy that goes with another one was the same, and is missed`() async throws {
        let home = try await EngineSample(backends: ["a", "b"])
        let (root, surplus) = try await surplus(in: home, home.service(), home.service())
        let name = try home.name(root)
        let twin = AlteredService(surplus.service) { altered in
            altered.onDelete = { [surplus] deleted throws(StorageError) in
                try await surplus.service.delete(deleted)
                if deleted == name { surplus.other.tamper(name, nil) }
            }
        }
        let report = try await home.sync(
            twin,
            surplus.name,
            prune: true,
            places: ["a", "b"],
            others: [surplus.otherName: surplus.other]
        )
        #expect(report.removed == 1 && !report.isComplete, "\(report)")
        #expect(try await home.status(root, surplus.otherName) == .missing)
        #expect(try await home.sync(surplus.other, surplus.otherName, places: ["a", "b"]).uploaded == 1)
    }

    @Test func `no surplus copy goes on the word of a copy that is not there any more`() async throws {
        let home = try await EngineSample(backends: ["a", "b"])
        let (one, other) = (home.service(), home.service())
        let root = try await home.pin(1)
        try await home.sync(one, "a", places: ["a", "b"])
        try await home.sync(other, "b", places: ["a", "b"])
        home.clock.advance(by: .milliseconds(1))
        try await home.catalog.addPins(
            [Pin(cid: root, replicas: 1, createdAt: home.catalog.time)],
            reason: "test"
        )
        // The plan is made, the removal written down, and then somebody sees that the other copy is gone.
        let surplus = try #require(await home.surplus(of: root, among: ["a": one, "b": other]))
        let doorway = Doorway()
        let slow = AlteredService(surplus.service) { altered in
            altered.onPut = { [service = surplus.service] (name, body) async throws(StorageError) in
                if name.text.hasSuffix(".removing") { await doorway.pass() }
                return try await service.put(name, body)
            }
        }
        // A service that still says that it is there changes nothing.
        let stale = home.service()
        stale.tamper(try home.name(root), surplus.other.contents[try home.name(root)])
        let others = [surplus.otherName: stale]
        let pruning = Task { try await home.sync(slow, surplus.name, prune: true, places: ["a", "b"], others: others) }
        await doorway.arrived()
        surplus.other.tamper(try home.name(root), nil)
        #expect(try await home.verify(surplus.other, surplus.otherName).map(\.verdict) == [.missing])
        doorway.open()
        let report = try await pruning.value
        #expect(report.removed == 0)
        #expect(try surplus.service.contents[home.name(root)] != nil)
    }

    /// What a copy is that is no reason to remove another one, is found out once: to read it again changes nothing.
    @Test(arguments: [Keeper.gone, .rotten, .outOfReach]) func `a witness that refuses is asked once for a root`(
        keeper: Keeper
    ) async throws {
        let home = try await EngineSample(backends: ["a", "b"])
        let powers: Capabilities = [.write, .delete, .rangeReads, .listing]
        let (root, surplus) = try await surplus(in: home, home.service(powers), home.service(powers))
        let name = try home.name(root)
        if keeper == .gone { surplus.other.tamper(name, nil) }
        let rotten = surplus.other.contents[name].map { $0.dropLast() + [($0.last ?? 0) ^ 1] }
        if keeper == .rotten { surplus.other.tamper(name, rotten.map(Array.init)) }
        let isSilent = keeper == .outOfReach
        let other = FaultyService(surplus.other, isSilent ? [Fault(.stat, .fail(.passing))] : [])
        let report = try await home.sync(
            surplus.service,
            surplus.name,
            prune: true,
            places: ["a", "b"],
            others: [surplus.otherName: other]
        )
        #expect(report.removed == 0 && report.failures.count == 1, "\(report)")
        #expect(other.calls.filter { $0 == "stat \(name)" }.count == 1, "\(other.calls)")
        #expect(other.calls.filter { $0.hasPrefix("get \(name)") }.count == (keeper == .rotten ? 1 : 0))
    }

    /// While it waits, what was seen of the others becomes too old: that is no fault of theirs.
    @Test func `a service that asks for time is what is told of a removal`() async throws {
        let home = try await EngineSample(backends: ["a", "b"])
        let (root, surplus) = try await surplus(in: home, home.service(), home.service())
        let limit = StorageError(.rateLimited, "The service asks for fewer requests.", retry: .after(.seconds(5)))
        let name = try home.name(root)
        for (times, isRemoved) in [(Int.max, false), (1, true)] {
            let refused = Locked(0)
            let busy = AlteredService(surplus.service) { [surplus] altered in
                altered.onDelete = { deleted throws(StorageError) in
                    let count = refused.change { count in
                        if deleted == name { count += 1 }
                        return count
                    }
                    guard deleted == name, count <= times else { return try await surplus.service.delete(deleted) }
                    home.witnessClock.advance(by: .seconds(5))
                    throw limit
                }
            }
            let report = try await home.sync(
                busy,
                surplus.name,
                prune: true,
                retries: 3,
                places: ["a", "b"],
                others: [surplus.otherName: surplus.other]
            )
            #expect(report.removed == (isRemoved ? 1 : 0), "\(report)")
            #expect((surplus.service.contents[name] == nil) == isRemoved)
            guard !isRemoved else { continue }
            let told = report.failures.compactMap { failure -> StorageError.Code? in
                if case .storage(let error) = failure.error { error.code } else { nil }
            }
            #expect(told == [.rateLimited], "\(report)")
        }
    }

    /// Who was stopped between the look and the answer may have removed what another one kept only for that.
    @Test(arguments: [Keeper.sound, .gone, .outOfReach]) func `after a late removal the others are looked up`(
        keeper: Keeper
    ) async throws {
        let home = try await EngineSample(backends: ["a", "b"])
        let (root, surplus) = try await surplus(in: home, home.service(), home.service())
        let name = try home.name(root)
        let isLate = Locked(false)
        let other = AlteredService(surplus.other) { [surplus] altered in
            altered.onStat = { asked throws(StorageError) in
                if keeper == .outOfReach, isLate.read({ $0 }) { throw StorageError.passing }
                return try await surplus.other.stat(asked)
            }
        }
        let slow = AlteredService(surplus.service) { [surplus] altered in
            altered.onDelete = { deleted throws(StorageError) in
                try await surplus.service.delete(deleted)
                guard deleted == name else { return }
                if keeper == .gone { surplus.other.tamper(name, nil) }
                isLate.change { $0 = true }
                home.witnessClock.advance(by: .seconds(8))
            }
        }
        let report = try await home.sync(
            slow,
            surplus.name,
            prune: true,
            places: ["a", "b"],
            others: [surplus.otherName: other]
        )
        #expect(report.removed == 1, "\(report)")
        let told = report.failures.compactMap { failure -> StorageError.Code? in
            if case .storage(let error) = failure.error { error.code } else { nil }
        }
        #expect(told == (keeper == .sound ? [] : keeper == .gone ? [.corrupt] : [.unavailable]), "\(report)")
    }
}
