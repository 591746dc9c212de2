@testable import Storage
import Samples
import Schema
import StorageLaws
import TestKit
import Testing

@Suite struct RetryingTests {
    private let object: ObjectName
    private let memory = MemoryService()

    init() throws {
        object = try name("object")
        memory.tamper(object, sampleBytes(1000))
    }

    private func retrying(_ service: any StorageService, _ clock: ManualClock, retries: Int = 3) -> Governed {
        Governed(service, by: policy(clock.timing, retries: retries))
    }

    @Test(arguments: Fault.Call.allCases)
    func triesAgain(_ call: Fault.Call) async throws {
        let faulty = FaultyService(memory, [Fault(call, times: 1...2, .fail(.passing))])
        let clock = ManualClock()
        try await perform(call, retrying(faulty, clock))
        #expect(clock.waits.count == 2)
        #expect(faulty.count(call) == (call == .page ? 4 : 3))
    }

    @Test(arguments: Fault.Call.allCases, [0, 1, 3])
    func givesUp(_ call: Fault.Call, _ retries: Int) async throws {
        let faulty = FaultyService(memory, [Fault(call, .fail(.passing))])
        let service = retrying(faulty, ManualClock(), retries: retries)
        await #expect(throws: StorageError.self) { try await perform(call, service) }
        #expect(faulty.count(call) == retries + 1)
    }

    @Test(arguments: Fault.Call.allCases)
    func doesNotRepeatWhatCannotHelp(_ call: Fault.Call) async throws {
        let faulty = FaultyService(memory, [Fault(call, .fail(.lasting))])
        let clock = ManualClock()
        await #expect(throws: StorageError.self) { try await perform(call, retrying(faulty, clock)) }
        #expect(faulty.count(call) == 1)
        #expect(clock.waits.isEmpty)
    }

    @Test func backsOffWithinBounds() async throws {
        let faulty = FaultyService(memory, [Fault(.stat, .fail(.passing))])
        let clock = ManualClock(chance: 0.999)
        _ = try? await retrying(faulty, clock, retries: 10).stat(object)
        let ceilings = (0..<10).map { Duration.milliseconds(min(30_000, 250 << $0)) }
        #expect(clock.waits.count == 10)
        for (wait, ceiling) in zip(clock.waits, ceilings) {
            #expect(wait <= ceiling && wait >= ceiling * 0.99)
        }
        let calm = ManualClock(chance: 0)
        _ = try? await retrying(FaultyService(memory, [Fault(.stat, .fail(.passing))]), calm).stat(object)
        #expect(calm.waits.allSatisfy { $0 == .zero })
    }

    @Test(arguments: [150, 3600, 100_000, Int(Int32.max)])
    func doesNotWaitForWhoAsksForTooLong(_ asked: Int) async throws {
        let error = StorageError(.rateLimited, "Slow down.", retry: .after(.seconds(asked)))
        let clock = ManualClock(chance: 0.5)
        let faulty = FaultyService(memory, [Fault(.stat, .fail(error))])
        let thrown = await #expect(throws: StorageError.self) { try await retrying(faulty, clock).stat(object) }
        #expect(thrown?.code == .rateLimited && clock.waits.isEmpty && faulty.count(.stat) == 1)
    }

    @Test func waitsNoLongerInAll() async throws {
        let error = StorageError(.rateLimited, "Slow down.", retry: .after(.seconds(60)))
        let clock = ManualClock(chance: 0)
        let faulty = FaultyService(memory, [Fault(.stat, .fail(error))])
        await #expect(throws: StorageError.self) { try await retrying(faulty, clock, retries: 99).stat(object) }
        #expect(clock.waits == [.seconds(60), .seconds(60)])
    }

    @Test(arguments: [(-5, 0), (0, 0), (7, 7), (120, 120)])
    func waitsAsLongAsAsked(_ asked: Int, _ least: Int) async throws {
        let error = StorageError(.rateLimited, "Slow down.", retry: .after(.seconds(asked)))
        let clock = ManualClock(chance: 0.5)
        let faulty = FaultyService(memory, [Fault(.stat, time: 1, .fail(error))])
        _ = try await retrying(faulty, clock).stat(object)
        #expect(clock.waits == [.seconds(least) + .milliseconds(500)])
    }

    /// One answer that asks for time silences all that use the credential, and nobody else.
    @Test func `who wants to be left alone is left alone by all that use the credential`() async throws {
        let clock = ManualClock(chance: 0)
        let registry = CallLimitsRegistry()
        func policy(_ backend: String, _ credential: String) -> CallPolicy {
            let settings = OperationalSettings()
            let limits = registry.limits(of: backend, credential: credential, settings, timing: clock.timing)
            return CallPolicy(
                backend: backend,
                settings,
                limits: limits,
                timing: clock.timing,
                gate: OpenGate(),
                meter: Meter()
            )
        }
        let asks = StorageError(.rateLimited, "Slow down.", retry: .after(.seconds(60)))
        let faulty = FaultyService(memory, [Fault(.stat, .fail(asks))])
        var hasty = OperationalSettings()
        hasty.retryCount = 0
        let limits = registry.limits(of: "a", credential: "key", OperationalSettings(), timing: clock.timing)
        let first = CallPolicy(
            backend: "a",
            hasty,
            limits: limits,
            timing: clock.timing,
            gate: OpenGate(),
            meter: Meter()
        )
        await #expect(throws: StorageError.self) { try await Governed(faulty, by: first).stat(object) }
        #expect(clock.waits.isEmpty)
        _ = try await Governed(memory, by: policy("b", "another")).stat(object)
        #expect(clock.waits.isEmpty)
        _ = try await Governed(memory, by: policy("b", "key")).stat(object)
        #expect(clock.waits == [.seconds(60)])
        _ = try await Governed(memory, by: policy("a", "key")).stat(object)
        #expect(clock.waits == [.seconds(60)])
    }

    /// A request that is made within one to another backend has tries of its own, and waits for no place.
    @Test func `a request within a request to another backend is one by itself`() async throws {
        let clock = ManualClock(chance: 0)
        let outer = CallPolicy(backend: "a", timing: clock.timing)
        let inner = CallPolicy(backend: "b", timing: clock.timing)
        let passing = StorageError(.unavailable, "Not now.", retry: .later)
        let faulty = FaultyService(memory, [Fault(.stat, time: 1, .fail(passing))])
        try await outer.run { () async throws(StorageError) in
            _ = try await Governed(faulty, by: inner).stat(object)
        }
        #expect(inner.meter.counts.stats == 2 && inner.meter.counts.failures == 1 && outer.meter.counts.failures == 0)
    }

    @Test func `two that use a backend share its rate and its places`() async throws {
        let clock = ManualClock()
        let registry = CallLimitsRegistry()
        var settings = OperationalSettings()
        (settings.bandwidthLimit, settings.maxConnections) = (ByteCount(1000), 1)
        let services = (0..<2).map { _ in
            let limits = registry.limits(of: "a", credential: "key", settings, timing: clock.timing)
            return Governed(
                memory,
                by: CallPolicy(
                    backend: "a",
                    settings,
                    limits: limits,
                    timing: clock.timing,
                    gate: OpenGate(),
                    meter: Meter()
                )
            )
        }
        let start = clock.uptime
        for service in services { _ = try await collect(service.read(object), limit: 1000) }
        #expect(abs((clock.uptime - start) / .seconds(1) - 2) < 0.05)
        // One has the only place as long as it reads.
        let held = try await services[0].read(object)
        let other = Task { [object] in try await services[1].stat(object) }
        for _ in 0..<20 { await Task.yield() }
        other.cancel()
        let error = await #expect(throws: StorageError.self) { try await other.value }
        #expect(error?.code == .cancelled)
        _ = try await collect(held, limit: 1000)
        _ = try await services[1].stat(object)
    }

    @Test func aStopDuringAWaitIsNoReasonToGoOn() async throws {
        let faulty = FaultyService(memory, [Fault(.stat, .fail(.passing))])
        let waiting = Gate()
        let timing = Timing(
            now: { 0 },
            sleep: { _ in
                waiting.open()
                try await hangUntilCancelled()
            }
        )
        let service = Governed(faulty, by: policy(timing))
        let task = Task { [object] in try await service.stat(object) }
        await waiting.wait()
        task.cancel()
        let error = await #expect(throws: StorageError.self) { try await task.value }
        #expect(error?.code == .cancelled)
        #expect(faulty.count(.stat) == 1)
    }

    @Test func resumesABrokenReadWhereItStopped() async throws {
        let script = [Fault(.get, time: 1, .breakAfter(300, .passing)), Fault(.get, time: 2, .breakAfter(0, .passing))]
        let faulty = FaultyService(memory, script)
        let clock = ManualClock()
        let found = try await collect(retrying(faulty, clock).read(object, 100..<900), limit: 1000)
        #expect(found == Array(sampleBytes(1000)[100..<900]))
        #expect(faulty.calls == ["get object 100..<900", "get object 400..<900", "get object 400..<900"])
        #expect(clock.waits.count == 2)
    }

    @Test func aReadThatCannotBeOpenedAgainFailsAndDoesNotEnd() async throws {
        let faulty = FaultyService(
            memory,
            [Fault(.get, time: 1, .breakAfter(300, .passing)), Fault(.get, times: 2...99, .fail(.passing))]
        )
        let stream = try await retrying(faulty, ManualClock()).read(object, nil)
        await #expect(throws: StorageError.self) { try await collect(stream, limit: 1000) }
        #expect(faulty.count(.get) == 4)
    }

    @Test func aReadThatMovesOnGetsItsTriesBack() async throws {
        let faulty = FaultyService(memory, [Fault(.get, times: 1...8, .breakAfter(100, .passing))])
        let found = try await collect(retrying(faulty, ManualClock(), retries: 1).read(object, nil), limit: 1000)
        #expect(found == sampleBytes(1000))
    }

    /// Each break has a byte more, so each chunk comes at its first or second try.
    @Test func aReadThatHardlyMovesOnEnds() async throws {
        let faulty = FaultyService(memory, [Fault(.get, .breakAfter(1, .passing))])
        let stream = try await retrying(faulty, ManualClock()).read(object, nil)
        let error = await #expect(throws: StorageError.self) { try await collect(stream, limit: 1000) }
        #expect(error?.code == .unavailable && faulty.count(.get) == 4)
    }

    @Test func aReadWithoutRangesIsNotResumed() async throws {
        let plain = MemoryService(capabilities: [.write])
        plain.tamper(object, sampleBytes(1000))
        let faulty = FaultyService(plain, [Fault(.get, time: 1, .breakAfter(300, .passing))])
        let stream = try await retrying(faulty, ManualClock()).read(object, nil)
        await #expect(throws: StorageError.self) { try await collect(stream, limit: 1000) }
        #expect(faulty.count(.get) == 1)
    }

    @Test func aReadThatIsResumedAfterAReplacementFails() async throws {
        for (first, count) in [(300, 2), (0, 2)] {
            memory.tamper(object, sampleBytes(1000))
            let faulty = FaultyService(memory, [Fault(.get, time: 1, .breakAfter(first, .passing))])
            let cursor = StreamCursor(try await retrying(faulty, ManualClock()).read(object))
            var bytes: [UInt8] = []
            if first > 0 { bytes += try await cursor.next() ?? [] }
            memory.tamper(object, sampleBytes(1000, seed: 9))
            let error = await #expect(throws: StorageError.self) {
                while let chunk = try await cursor.next() { bytes += chunk }
            }
            #expect(error?.code == .changed && error?.retry == .never)
            #expect(bytes == Array(sampleBytes(1000).prefix(first)))
            #expect(faulty.count(.get) == count)
            // It stays broken.
            await #expect(throws: StorageError.self) { try await cursor.next() }
            #expect(faulty.count(.get) == count)
        }
    }

    @Test(arguments: [0, 300]) func aReadWithoutAVersionGoesOnOnlyFromItsBeginning(_ given: Int) async throws {
        let script = [Fault(.get, time: 1, .breakAfter(given, .passing))]
        let plain = AlteredService(memory) { altered in
            altered.onGet = { [memory] (name, range, _) async throws(StorageError) in
                let object = try await memory.get(name, range, version: nil)
                return OpenObject(object.stream, length: object.length, version: nil)
            }
        }
        let faulty = FaultyService(plain, script)
        let stream = try await retrying(faulty, ManualClock()).read(object)
        if given == 0 {
            #expect(try await collect(stream, limit: 1000) == sampleBytes(1000))
        } else {
            let error = await #expect(throws: StorageError.self) { try await collect(stream, limit: 1000) }
            #expect(error?.code == .unavailable && error?.retry == .later)
        }
        #expect(faulty.count(.get) == (given == 0 ? 2 : 1))
    }

    @Test func aServiceThatForgetsTheVersionIsNotBelieved() async throws {
        let script = [Fault(.get, time: 1, .breakAfter(300, .passing)), Fault(.get, time: 2, .forgetVersion)]
        let stream = try await retrying(FaultyService(memory, script), ManualClock()).read(object)
        let error = await #expect(throws: StorageError.self) { try await collect(stream, limit: 1000) }
        #expect(error?.code == .unavailable)
        let version = ObjectVersion("another")
        let careless = AlteredService(memory) { altered in
            altered.onGet = { [memory] (name, range, _) async throws(StorageError) in
                try await memory.get(name, range, version: nil)
            }
        }
        let service = retrying(careless, ManualClock())
        let changed = await #expect(throws: StorageError.self) { try await service.get(object, nil, version: version) }
        #expect(changed?.code == .changed)
    }

    @Test func aServiceThatDoesNotKnowTheConditionIsCompared() async throws {
        // What was put in its place has the same length.
        let script = [Fault(.get, time: 1, .breakAfter(300, .passing))]
        let careless = AlteredService(memory) { altered in
            altered.onGet = { [memory] (name, range, _) async throws(StorageError) in
                if range != nil { memory.tamper(name, [UInt8](repeating: 7, count: 1000)) }
                return try await memory.get(name, range, version: nil)
            }
        }
        let stream = try await retrying(FaultyService(careless, script), ManualClock()).read(object)
        let error = await #expect(throws: StorageError.self) { try await collect(stream, limit: 1000) }
        #expect(error?.code == .changed)
    }

    @Test(arguments: [0, 1, 999]) func anEndBeforeTheAnnouncedOneIsABreak(_ count: Int) async throws {
        let once = FaultyService(memory, [Fault(.get, time: 1, .endAfter(count))])
        #expect(try await collect(retrying(once, ManualClock()).read(object), limit: 1000) == sampleBytes(1000))
        let always = FaultyService(memory, [Fault(.get, .endAfter(0))])
        let stream = try await retrying(always, ManualClock()).read(object, 10..<20)
        await #expect(throws: StorageError.self) { try await collect(stream, limit: 1000) }
        let tooMuch = FaultyService(memory, [Fault(.get, .alter { $0 + [1] })])
        let long = try await retrying(tooMuch, ManualClock()).read(object)
        await #expect(throws: StorageError.self) { try await collect(long, limit: 2000) }
    }

    // MARK: Changes

    @Test func thatAFirstTryMayHaveHappenedIsNotForgotten() async throws {
        let lost = StorageError.passing.ofUnknownOutcome
        let script = [Fault(.put, time: 1, .loseReply(lost)), Fault(.put, time: 2, .fail(.lasting))]
        let error = await #expect(throws: StorageError.self) {
            try await retrying(FaultyService(memory, script), ManualClock()).put(object, Body([1]))
        }
        #expect(error?.code == .permissionDenied && error?.mayHaveHappened == true)
        let refused = await #expect(throws: StorageError.self) {
            try await retrying(FaultyService(memory, [Fault(.put, .fail(.lasting))]), ManualClock()).put(
                object,
                Body([1])
            )
        }
        #expect(refused?.mayHaveHappened == false)
    }

    @Test func aLostReplyOfAnUploadIsRepeated() async throws {
        let faulty = FaultyService(memory, [Fault(.put, time: 1, .loseReply(.passing))])
        _ = try await retrying(faulty, ManualClock()).put(object, Body([1, 2]))
        #expect(memory.contents[object] == [1, 2])
        #expect(faulty.count(.put) == 2)
    }

    @Test func aFailedPageIsAskedForAgainAndNothingElse() async throws {
        let paged = MemoryService(pageSize: 2)
        for index in 0..<7 { paged.tamper(try name("o\(index)"), [1]) }
        let faulty = FaultyService(paged, [Fault(.page, time: 3, .fail(.passing))])
        let service = Governed(faulty, by: policy(ManualClock().timing, connections: 1))
        var names: [String] = []
        for try await page in service.list("") { names += page.map(\.name.text) }
        #expect(names == (0..<7).map { "o\($0)" })
    }

    private func perform(_ call: Fault.Call, _ service: some StorageService) async throws {
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
}
