import BlockStore
import Catalog
import IPLD
import Multiformats
@testable import Replication
import Schema
import Storage
import TestKit
import Testing

/// Services that are no archives of named objects go through everything that the engine does.
@Suite(.scratch) struct ContentFakeTests {
    private func open(_ fake: ContentFake) -> OpenBackend {
        OpenBackend(name: "a", content: fake, meter: Meter(), quota: nil, lanes: 2)
    }

    private func fake(_ habit: ContentFake.Habit, _ sample: EngineSample) -> ContentFake {
        ContentFake(habit, by: CallPolicy(backend: "a", timing: sample.clock.timing, gate: ClosedGate()))
    }

    private func verify(_ fake: ContentFake, _ sample: EngineSample) async throws -> [Verifier.Result] {
        let verifier = Verifier(
            catalog: sample.catalog,
            identity: try await sample.catalog.identity(),
            observer: "test",
            timing: sample.clock.timing,
            progress: .silent
        )
        return try await verifier.verify(try await sample.catalog.mappings(on: "a"), on: open(fake))
    }

    /// What only the service has a name for is found by that, and by nothing else.
    @Test func `a service that names what it takes`() async throws {
        let sample = try await EngineSample()
        let fake = fake(.choosesNames, sample)
        let roots = [try await sample.pin(1), try await sample.pin(2)]
        let first = try await sample.sync(fake)
        #expect(first.uploaded == 2 && first.isComplete, "\(first)")
        let mappings = try await sample.catalog.mappings(on: "a")
        #expect(Set(mappings.map(\.path)) == ["media 0", "media 1"])
        #expect(mappings.allSatisfy { fake.held[$0.path] == $0.cid && $0.evidence?.method == "read-back" })
        let second = try await sample.sync(fake)
        #expect(second.wasClean && second.calls.calls == 0)
        #expect(try await verify(fake, sample).map(\.verdict) == [.whole, .whole])
        // All looked at anew, each by its own name; nothing is sent twice.
        let forced = try await sample.sync(fake, force: true)
        #expect(forced.adopted == 2 && forced.uploaded == 0 && fake.held.count == 2, "\(forced)")

        // One is damaged, and one goes: both are seen and sent anew, under new names.
        fake.tamper(mappings[0].path, mappings[0].cid, [1, 2, 3])
        fake.tamper(mappings[1].path, mappings[1].cid, nil)
        #expect(try await Set(verify(fake, sample).map(\.verdict)) == [.corrupt, .missing])
        let repaired = try await sample.sync(fake)
        #expect(repaired.uploaded == 2 && repaired.isComplete, "\(repaired)")
        #expect(try await verify(fake, sample).map(\.verdict) == [.whole, .whole])

        // The store loses one, and has it back from where it is.
        let mapping = try #require(try await sample.catalog.mappings(of: [roots[0]]).first)
        let other = try BlockStore(folder: sample.folder + "/other")
        let restorer = sample.restorer(of: other)
        let source = Restorer.Source(backend: open(fake), at: mapping.location, size: mapping.size)
        guard case .restored = try await restorer.restore(roots[0], from: [source], thorough: true) else {
            Issue.record("It was not brought back.")
            return
        }

        let place = try #require(mapping.location).path
        #expect(fake.held[place] == roots[0])
        _ = try await sample.catalog.removePins([roots[0]], reason: "test")
        let pruned = try await sample.sync(fake, prune: true)
        #expect(pruned.removed == 1 && pruned.isComplete, "\(pruned)")
        #expect(fake.held[place] == nil)
        #expect(try await sample.status(roots[0]) == nil)
    }

    /// What comes at once costs one commit, and what a commit refuses is told of each.
    @Test func `a service whose changes are commits`() async throws {
        let sample = try await EngineSample()
        let repository = CommitService(sample.service(), refusals: 1)
        let service = repository.service
        var roots: [CID] = []
        for number in 1...40 { roots.append(try await sample.pin(number)) }
        let first = try await sample.sync(service, lanes: 16)
        // The announcement met the refusal: nothing was begun.
        #expect(!first.isComplete && repository.commits.isEmpty)
        let second = try await sample.sync(service, lanes: 16)
        #expect(second.uploaded == 40 && second.isComplete, "\(second)")
        let commits = repository.commits.count
        #expect(commits <= 20, "\(repository.commits)")
        #expect(try await sample.sync(service, lanes: 16).wasClean)
        #expect(repository.commits.count == commits)
        #expect(try await sample.verify(service).allSatisfy { $0.verdict == .whole })
        let other = try BlockStore(folder: sample.folder + "/other")
        let restorer = sample.restorer(of: other)
        let source = Restorer.Source(backend: sample.open(service), at: nil, size: nil)
        guard case .restored = try await restorer.restore(roots[0], from: [source], thorough: true) else {
            Issue.record("It was not brought back.")
            return
        }
        _ = try await sample.catalog.removePins(Array(roots[..<20]), reason: "test")
        let pruned = try await sample.sync(service, prune: true, lanes: 16)
        #expect(pruned.removed == 20 && pruned.isComplete, "\(pruned)")
        #expect(try await sample.verify(service).count == 20)
    }

    @Test func `content is removed by its root only while that is right`() async throws {
        let sample = try await EngineSample()
        let fake = fake(.choosesNames, sample)
        let root = try await sample.pin(1)
        try await sample.sync(fake)
        let lease = try #require(try? await sample.catalog.takeLease("a", for: 60_000).get())
        let fence = Fence(catalog: sample.catalog, lease: lease)
        func isAdmitted() async -> Bool { (try? await fence.admit(.remove(root))) != nil }
        _ = try await sample.catalog.removePins([root], reason: "test")
        #expect(await !isAdmitted())
        _ = try await sample.catalog.begin([(root, .unwanted)], under: lease)
        #expect(await isAdmitted())
        try await sample.pin(1)
        #expect(await !isAdmitted())
        try await sample.catalog.release(lease)
        let error = await #expect(throws: StorageError.self) { try await fence.admit(.store(root)) }
        #expect(error?.code == .superseded)
    }

    @Test func `a service that only gives is asked for nothing else`() async throws {
        let sample = try await EngineSample()
        let fake = fake(.onlyReads, sample)
        let root = try await sample.pin(1)
        let report = try await sample.sync(fake, prune: true)
        #expect(report.uploaded == 0 && report.failures.isEmpty, "\(report)")
        // Somebody says that it is there: whoever reads it knows.
        let car = try await StoreSource(sample.store).pack(root).body.bytes()
        fake.tamper("\(root)", root, car)
        let claim = Observation(
            root,
            .claimed,
            method: "claim",
            place: Location("\(root)"),
            at: sample.catalog.time,
            by: "test"
        )
        _ = try await sample.catalog.claim(claim, on: "a", name: "")
        #expect(try await verify(fake, sample).map(\.verdict) == [.whole])
        #expect(try await sample.status(root) == .stored)
        _ = try await sample.catalog.removePins([root], reason: "test")
        try await sample.sync(fake, prune: true)
        #expect(fake.held.count == 1)
    }

    /// What has to be brought back first is neither there nor gone, and the others are looked at all the same.
    @Test func `what cannot be read now is unknown`() async throws {
        let sample = try await EngineSample()
        let fake = fake(.isCold, sample)
        let roots = [try await sample.pin(1), try await sample.pin(2)]
        let report = try await sample.sync(fake)
        #expect(report.uploaded == 2 && report.isComplete, "\(report)")
        #expect(try await verify(fake, sample).map(\.verdict) == [.unknown, .unknown])
        #expect(try await sample.status(roots[0]) == .stored)
        let forced = try await sample.sync(fake, force: true)
        #expect(forced.adopted == 2 && forced.isComplete, "\(forced)")
        _ = try await sample.catalog.removePins([roots[0]], reason: "test")
        #expect(try await sample.sync(fake, prune: true).removed == 1)
        #expect(Set(fake.held.values) == [roots[1]])
    }
}
