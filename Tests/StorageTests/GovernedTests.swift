@testable import Storage
import Samples
import Schema
import StorageLaws
import TestKit
import Testing

@Suite struct GovernedTests {
    private let object: ObjectName
    private let memory = MemoryService()

    init() throws {
        object = try name("object")
        memory.tamper(object, sampleBytes(1000))
    }

    // MARK: The rate

    @Test(arguments: [(1000, 1000, 1), (1000, 3000, 3), (500, 100, 1)])
    func bytesPassAtTheRate(_ rate: Int, _ count: Int, _ times: Int) async throws {
        let clock = ManualClock()
        let service = Governed(memory, by: policy(clock.timing, rate: UInt64(rate)))
        let start = clock.now
        for _ in 0..<times {
            _ = try await service.put(object, Body(sampleBytes(count)))
            _ = try await collect(service.read(object, nil), limit: count)
        }
        let wanted = Double(2 * times * count) / Double(rate) * 1000
        #expect(abs(Double(clock.now - start) - wanted) < 10)
    }

    @Test func oneRateForAllWhoReadAtOnce() async throws {
        let clock = ManualClock()
        let service = Governed(memory, by: policy(clock.timing, rate: 1000))
        let start = clock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { [object] in _ = try await collect(service.read(object, nil), limit: 1000) }
            }
            try await group.waitForAll()
        }
        #expect(clock.now - start >= 7990)
    }

    @Test func whoeverComesInTheSameMomentWaitsForThoseBefore() async throws {
        let waits = Locked<[Duration]>([])
        let standing = Timing(now: { 0 }, uptime: { .seconds(5) }, sleep: { wait in waits.change { $0.append(wait) } })
        let service = Governed(memory, by: policy(standing, rate: 1000))
        for _ in 0..<3 { _ = try await collect(service.read(object), limit: 1000) }
        #expect(waits.read { $0.max() } == .seconds(3))
    }

    @Test(arguments: [-3_600, 3_600]) func theClockOnTheWallDoesNotMatter(_ seconds: Int) async throws {
        let clock = ManualClock()
        let service = Governed(memory, by: policy(clock.timing, rate: 1000))
        let start = clock.uptime
        for _ in 0..<4 {
            _ = try await collect(service.read(object), limit: 1000)
            clock.set(by: .seconds(seconds))
        }
        #expect(abs((clock.uptime - start) / .seconds(1) - 4) < 0.05)
        #expect(clock.waits.allSatisfy { $0 <= .seconds(2) })
    }

    // MARK: Checked

    @Test func whatCannotBeDoneIsRefusedBeforeTheServiceIsAsked() async throws {
        let bare = FaultyService(MemoryService(capabilities: []))
        let service = Checked(bare, backend: "attic")
        let calls: [@Sendable () async throws -> Void] = [
            { [object] in _ = try await service.put(object, Body([1])) },
            { [object] in _ = try await service.read(object, 0..<1) },
            { for try await _ in service.list("") {} },
            { [object] in try await service.delete(object) },
            { _ = try await service.usage(mayWalk: true) },
        ]
        for call in calls {
            let error = await #expect(throws: StorageError.self) { try await call() }
            #expect(error?.code == .unsupported)
            #expect(error?.backend == "attic")
        }
        #expect(bare.calls.isEmpty)
    }

    @Test func whatIsTooLargeIsRefused() async throws {
        let faulty = FaultyService(MemoryService(limits: Limits(largestObject: 10)))
        let service = Checked(faulty, backend: "attic")
        _ = try await service.put(object, Body(sampleBytes(10)))
        let error = await #expect(throws: StorageError.self) { try await service.put(object, Body(sampleBytes(11))) }
        #expect(error?.code == .tooLarge)
        #expect(faulty.count(.put) == 1)
    }

    @Test(arguments: Fault.Call.allCases)
    func errorsNameTheBackend(_ call: Fault.Call) async throws {
        let service = Checked(FaultyService(memory, [Fault(call, .fail(.passing))]), backend: "attic")
        let error = await #expect(throws: StorageError.self) {
            switch call {
            case .put: _ = try await service.put(object, Body([1]))
            case .get: _ = try await service.read(object, nil)
            case .stat: _ = try await service.stat(object)
            case .page: for try await _ in service.list("") {}
            case .delete: try await service.delete(object)
            case .clear: try await service.clear(object, mayResume: false)
            case .usage: _ = try await service.usage(mayWalk: true)
            }
        }
        #expect(error?.backend == "attic")
        #expect(error?.retry == .later)
        #expect(error?.description == "attic: The service is down for a moment.")
    }

    @Test func errorsWithinAStreamNameTheBackend() async throws {
        let faulty = FaultyService(memory, [Fault(.get, .breakAfter(10, .passing))])
        let stream = try await Checked(faulty, backend: "attic").read(object)
        let error = await #expect(throws: StorageError.self) { try await collect(stream, limit: 1000) }
        #expect(error?.backend == "attic")
    }

    // MARK: Counts

    @Test func callsAndBytesAreCounted() async throws {
        let meter = Meter()
        let faulty = FaultyService(memory, [Fault(.stat, time: 2, .fail(.lasting))])
        let service = Governed(faulty, by: policy(ManualClock().timing, retries: 0, meter: meter))
        _ = try await service.put(object, Body(sampleBytes(70)))
        _ = try await collect(service.read(object, 0..<30), limit: 70)
        _ = try await service.stat(object)
        _ = try? await service.stat(object)
        for try await _ in service.list("") {}
        try await service.delete(object)
        var wanted = Meter.Counts()
        (wanted.puts, wanted.gets, wanted.stats, wanted.pages, wanted.deletes) = (1, 1, 2, 2, 1)
        (wanted.failures, wanted.bytesStored, wanted.bytesRead) = (1, 70, 30)
        #expect(meter.counts == wanted)
    }

    // MARK: Bodies

    @Test(arguments: [0, 1, 262_144, 600_000])
    func bodiesComeInChunksAndInParts(_ count: Int) async throws {
        let bytes = sampleBytes(count)
        let body = Body(bytes)
        var joined: [UInt8] = []
        for try await chunk in body.open() {
            #expect(!chunk.isEmpty && chunk.count <= 512 << 10)
            joined += chunk
        }
        #expect(joined == bytes)
        let half = UInt64(count / 2)
        #expect(try await body.bytes(half..<UInt64(count)) == Array(bytes[(count / 2)...]))
    }

    @Test func aBodyThatLiesIsCorrupt() async throws {
        for (said, given) in [(10, 9), (10, 11)] {
            let body = Body(length: UInt64(said)) { _ in Body(sampleBytes(given)).open() }
            await #expect(throws: StorageError.self) { try await body.bytes() }
        }
    }
}
