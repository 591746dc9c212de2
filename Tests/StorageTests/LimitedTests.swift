@testable import Storage
import Samples
import StorageLaws
import TestKit
import Testing

@Suite struct LimitedTests {
    private let object: ObjectName
    private let memory = MemoryService()

    init() throws {
        object = try name("object")
        memory.tamper(object, sampleBytes(600_000))
    }

    @Test(arguments: [1, 3])
    func neverMoreThanTheLimit(_ limit: Int) async throws {
        let running = Locked((now: 0, most: 0))
        let counted = AlteredService(memory) { [memory] in
            $0.onStat = { (name) async throws(StorageError) in
                running.change { count in
                    count.now += 1
                    count.most = max(count.most, count.now)
                }
                for _ in 0..<5 { await Task.yield() }
                running.change { $0.now -= 1 }
                return try await memory.stat(name)
            }
        }
        let service = Governed(counted, by: policy(ManualClock().timing, retries: 0, connections: limit))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<40 { group.addTask { [object] in _ = try await service.stat(object) } }
            try await group.waitForAll()
        }
        #expect(running.read { $0.most } <= limit)
        #expect(running.read { $0.now } == 0)
    }

    @Test func aWaiterThatIsStoppedLeavesTheLine() async throws {
        let permits = Permits(1)
        let held = try await permits.take()
        let waiter = Task { try await permits.take() }
        for _ in 0..<20 { await Task.yield() }
        waiter.cancel()
        let error = await #expect(throws: StorageError.self) { try await waiter.value }
        #expect(error?.code == .cancelled)
        held.give()
        try await permits.take().give()
    }

    @Test func placesAreGivenInOrderAndOnlyOnce() async throws {
        let permits = Permits(1)
        let held = try await permits.take()
        held.give()
        held.give()
        let first = try await permits.take()
        let second = Task { try await permits.take() }
        for _ in 0..<20 { await Task.yield() }
        first.give()
        try await second.value.give()
    }

    @Test func aReadHoldsItsPlaceUntilItEnds() async throws {
        let service = Governed(memory, by: policy(ManualClock().timing, retries: 0, connections: 1))
        let stream = try await service.read(object, nil)
        let other = Task { [object] in try await service.stat(object) }
        for _ in 0..<20 { await Task.yield() }
        #expect(try await collect(stream, limit: 600_000).count == 600_000)
        #expect(try await other.value.length == 600_000)
    }

    @Test func droppedReadsGiveTheirPlaceBack() async throws {
        let service = Governed(memory, by: policy(ManualClock().timing, retries: 0, connections: 1))
        for _ in 0..<5 { _ = try await service.read(object, nil) }
        for _ in 0..<5 {
            for try await _ in try await service.read(object, nil) { break }
        }
        #expect(try await service.stat(object).length == 600_000)
    }

    @Test func failedCallsGiveTheirPlaceBack() async throws {
        let faulty = FaultyService(memory, [Fault(.get, times: 1...3, .fail(.lasting)), Fault(.put, .fail(.lasting))])
        let service = Governed(faulty, by: policy(ManualClock().timing, retries: 0, connections: 1))
        for _ in 0..<3 {
            _ = try? await service.read(object, nil)
            _ = try? await service.put(object, Body([1]))
        }
        #expect(try await service.stat(object).length == 600_000)
    }

    @Test(.timeLimit(.minutes(1)))
    func aBrokenReadIsOpenedAgainWithOnePlaceOnly() async throws {
        let faulty = FaultyService(memory, [Fault(.get, time: 1, .breakAfter(300_000, .passing))])
        let service = Governed(faulty, by: policy(ManualClock().timing, connections: 1))
        #expect(try await collect(service.read(object, nil), limit: 600_000) == sampleBytes(600_000))
    }
}
