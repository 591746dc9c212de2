import BlockStore
import Catalog
import IPLD
import Multiformats
@testable import Replication
import Samples
import Schema
import Storage
import TestKit
import Testing

/// A backend whose objects are short goes through everything that the engine does with a CAR that is not.
@Suite(.scratch) struct ShardedSyncTests {
    private let limit: UInt64 = 4 << 20

    private func service(_ sample: EngineSample, digests: Bool = true) -> MemoryService {
        let powers: Capabilities = [.write, .delete, .rangeReads, .listing, .usage]
        return MemoryService(
            capabilities: digests ? powers.union(.digests) : powers,
            limits: Limits(largestObject: limit),
            now: { [clock = sample.clock] in clock.now }
        )
    }

    /// Pins a list of twelve blocks of 1 MiB.
    private func pin(_ sample: EngineSample) async throws -> CID {
        let blocks = (0..<12).map { Block(codec: .raw, bytes: sampleBytes(1 << 20, seed: UInt64($0))) }
        let top = Block(codec: .dagCBOR, bytes: try Node.list(blocks.map { Node.link($0.cid) }).cbor())
        try await sample.store.ingest { try await $0.write(blocks + [top]) }
        try await sample.catalog.addPins([Pin(cid: top.cid, createdAt: sample.catalog.time)], reason: "test")
        return top.cid
    }

    private func cars(_ service: MemoryService) -> [ObjectName: [UInt8]] {
        service.contents.filter { $0.key.text.hasPrefix("cars/") }
    }

    @Test(arguments: [true, false]) func aWholeLife(_ digests: Bool) async throws {
        let sample = try await EngineSample()
        let service = service(sample, digests: digests)
        let root = try await pin(sample)
        let small = try await sample.pin(1)
        let first = try await sample.sync(service)
        #expect(first.uploaded == 2 && first.isComplete, "\(first)")
        let mapping = try #require(try await sample.catalog.mappings(of: [root]).first)
        #expect(mapping.shards.count == 4 && mapping.isOurs && mapping.status == .stored)
        #expect(mapping.evidence?.method == (digests ? "put-sha256" : "read-back"))
        #expect(cars(service).values.allSatisfy { UInt64($0.count) <= limit })
        let second = try await sample.sync(service)
        #expect(second.wasClean && second.calls.calls == 0)
        #expect(try await sample.verify(service).map(\.verdict) == [.whole, .whole])
        #expect(try await sample.catalog.mappings(of: [root]).first?.shards == mapping.shards)
        let forced = try await sample.sync(service, force: true)
        #expect(forced.adopted == 2 && forced.uploaded == 0, "\(forced)")

        // One shard goes: that is damage, and the next sync sends what is missing.
        service.tamper(try #require(ObjectName(mapping.shards[2].name)), nil)
        #expect(
            try await sample.verify(service).map(\.verdict).sorted { $0.rawValue < $1.rawValue } == [.corrupt, .whole]
        )
        let repaired = try await sample.sync(service)
        #expect(repaired.uploaded == 1 && repaired.isComplete, "\(repaired)")
        #expect(try await sample.verify(service).map(\.verdict) == [.whole, .whole])

        // The store loses it, and has it back from where it is; so has a home that only finds the list.
        for location in [try await sample.catalog.mappings(of: [root]).first?.location, nil] {
            let other = try BlockStore(folder: sample.folder + "/other-\(location == nil)")
            let restorer = sample.restorer(of: other)
            let source = Restorer.Source(backend: sample.open(service), at: location, size: mapping.size)
            guard case .restored = try await restorer.restore(root, from: [source], thorough: true) else {
                Issue.record("It was not brought back.")
                return
            }
        }

        _ = try await sample.catalog.removePins([root], reason: "test")
        let pruned = try await sample.sync(service, prune: true)
        #expect(pruned.removed == 1 && pruned.isComplete, "\(pruned)")
        #expect(cars(service).keys.map(\.text) == [try sample.name(small).text])
    }

    /// Services keep digests and lose bytes: what a reading found damaged is sent anew, whatever they say of it.
    @Test func rotUnderAGoodDigestIsMended() async throws {
        let sample = try await EngineSample()
        let memory = service(sample)
        let root = try await pin(sample)
        try await sample.sync(memory)
        let shard = try #require(try await sample.catalog.mappings(of: [root]).first?.shards.dropFirst().first)
        let name = try #require(ObjectName(shard.name))
        let isRotten = Locked(true)
        let rotten = AlteredService(memory) { altered in
            altered.onPut = { (put, body) async throws(StorageError) in
                if put == name { isRotten.change { $0 = false } }
                return try await memory.put(put, body)
            }
            altered.onGet = { (get, range, version) async throws(StorageError) in
                let object = try await memory.get(get, range, version: version)
                guard get == name, isRotten.read({ $0 }) else { return object }
                let bytes = try await collect(object.stream, limit: 8 << 20)
                return object.through { _ in Body(bytes.map { ~$0 }).open() }
            }
        }
        #expect(try await sample.verify(rotten).map(\.verdict) == [.corrupt])
        let repaired = try await sample.sync(rotten)
        #expect(repaired.uploaded == 1 && repaired.isComplete, "\(repaired)")
        #expect(try await sample.verify(rotten).map(\.verdict) == [.whole])
    }

    /// A home that was made anew knows the shards from the snapshot.
    @Test func theSnapshotHasThem() async throws {
        let sample = try await EngineSample()
        let service = service(sample)
        let root = try await pin(sample)
        let report = try await sample.sync(service)
        let name = try #require(report.snapshot.flatMap { ObjectName($0) })
        let backend = sample.open(service)
        let listed = try await HomeRegister(backend)?.list().snapshots.first { $0.name == name }
        let snapshots = try #require(Snapshots(backend))
        let snapshot = try await snapshots.fetch(try #require(listed), into: sample.folder + "/snapshot")
        let known = try await sample.catalog.mappings(of: [root])
        #expect(try snapshot.mappings().map(\.shards) == known.map(\.shards))
    }

    /// Pages that are too many for an object are in several, of which later snapshots go on to use what they can.
    @Test func snapshotsOfManyPages() async throws {
        let sample = try await EngineSample()
        let service = MemoryService(
            limits: Limits(largestObject: 100_000),
            now: { [clock = sample.clock] in clock.now }
        )
        let roots = try await sample.pin(many: 3000)
        #expect(try await sample.sync(service).isComplete)
        func pages() -> [ObjectName] { service.contents.keys.filter { $0.text.contains("/pages/") } }
        let first = Set(pages())
        #expect(first.count > 4 && service.contents.values.allSatisfy { $0.count <= 100_000 }, "\(first.count)")
        sample.clock.advance(by: .seconds(5))
        try await sample.pin(9000)
        let second = try await sample.sync(service)
        #expect(second.isComplete && Set(pages()).isSuperset(of: first) && pages().count <= first.count + 1)
        let backend = sample.open(service)
        let listed = try await HomeRegister(backend)?.list().snapshots
        let snapshots = try #require(Snapshots(backend))
        for name in try #require(listed) {
            let snapshot = try await snapshots.fetch(name, into: sample.folder + "/snapshot-\(name.time)")
            #expect(try Set(snapshot.pins().map(\.cid)).isSuperset(of: roots))
            #expect(try snapshot.mappings().count >= 3000)
        }
        // What no snapshot needs any more goes, all objects of it.
        _ = try await sample.catalog.removePins(roots, reason: "test")
        for _ in 0..<5 {
            sample.clock.advance(by: .seconds(5))
            try await sample.sync(service, force: true, prune: true)
        }
        #expect(Set(pages()).isDisjoint(with: first), "\(pages())")
    }

    /// What was killed between two shards of a removal is no copy any more, and the next prune ends it.
    @Test func aRemovalThatWasCutOffIsEnded() async throws {
        let sample = try await EngineSample()
        let service = service(sample)
        let root = try await pin(sample)
        try await sample.sync(service)
        _ = try await sample.catalog.removePins([root], reason: "test")
        let broken = FaultyService(
            service,
            [Fault(.delete, times: 4...Int.max, .fail(StorageError(.unavailable, "The connection broke.")))]
        )
        let stopped = try await sample.sync(broken, prune: true)
        #expect(!stopped.isComplete)
        #expect(!cars(service).isEmpty && cars(service).count < 8)
        try await sample.sync(service)
        #expect(try await sample.status(root) == .corrupt)
        let pruned = try await sample.sync(service, prune: true)
        #expect(pruned.removed == 1, "\(pruned)")
        #expect(cars(service).isEmpty)
    }

    /// An upload that was stopped after its pin went leaves nothing.
    @Test func anUploadThatWasCutOffIsSweptAway() async throws {
        let sample = try await EngineSample()
        let service = service(sample)
        let root = try await pin(sample)
        let broken = FaultyService(
            service,
            [
                Fault(
                    .put,
                    times: 5...Int.max,
                    .fail(StorageError(.unavailable, "The connection broke.", mayHaveHappened: true))
                )
            ]
        )
        let stopped = try await sample.sync(broken)
        #expect(!stopped.isComplete && !cars(service).isEmpty)
        _ = try await sample.catalog.removePins([root], reason: "test")
        try await sample.sync(service, prune: true)
        try await sample.sync(service, prune: true)
        #expect(cars(service).isEmpty)
        #expect(try await sample.status(root) == nil)
    }
}
