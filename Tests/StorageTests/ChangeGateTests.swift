@testable import Storage
import Samples
import StorageLaws
import TestKit
import Testing

/// Whoever decides about changes is asked before each try, and again where that was too long ago.
@Suite struct ChangeGateTests {
    private let object: ObjectName
    private let memory = MemoryService()

    init() throws {
        object = try name("object")
        memory.tamper(object, sampleBytes(1000))
    }

    /// Admits so many changes, and writes down what it was asked.
    private final class CountingGate: ChangeGate {
        let asked = Locked<[Change]>([])
        let admitted: Int

        init(_ admitted: Int) { self.admitted = admitted }

        func admit(_ change: Change) async throws(StorageError) {
            let count = asked.change { asked in
                asked.append(change)
                return asked.count
            }
            if count > admitted { throw StorageError(.unsupported, "The right to change things was lost.") }
        }
    }

    @Test(arguments: [0, 1, 2, 3]) func theGateIsAskedBeforeEachTry(_ admitted: Int) async throws {
        let gate = CountingGate(admitted)
        let faulty = FaultyService(memory, [Fault(.put, .fail(.passing)), Fault(.delete, .fail(.passing))])
        let service = Checked(Governed(faulty, by: policy(ManualClock().timing, gate: gate)), backend: "b")
        let error = await #expect(throws: StorageError.self) { try await service.put(object, Body([1])) }
        #expect(error?.code == .unsupported && error?.backend == "b")
        #expect(faulty.count(.put) == admitted)
        #expect(gate.asked.read { $0 } == Array(repeating: .put(object), count: admitted + 1))
        await #expect(throws: StorageError.self) { try await service.delete(object) }
        #expect(faulty.count(.delete) == 0)
        // Who only reads passes no gate.
        _ = try await service.stat(object)
        _ = try await collect(service.read(object), limit: 1000)
        #expect(gate.asked.read { $0.last } == .delete(object))
    }

    @Test func aClosedGateAdmitsNothing() async throws {
        let gate = ClosedGate()
        for change in [Change.put(object), .delete(object), .recall(object)] {
            let error = await #expect(throws: StorageError.self) { try await gate.admit(change) }
            #expect(error?.code == .unsupported && error?.message.contains("object") == true)
        }
    }

    @Test func whoWantsContentPaysForItAndChangesNothing() async throws {
        let gate = ClosedGate(mayRecall: true)
        try await gate.admit(.recall(object))
        await #expect(throws: StorageError.self) { try await gate.admit(.put(object)) }
    }

    @Test func anAdmissionIsRenewedWhenItIsOld() async throws {
        let (gate, clock) = (CountingGate(2), ManualClock())
        let policy = policy(clock.timing, gate: gate)
        let asked = { gate.asked.read { $0.count } }
        try await policy.run(change: .put(object)) { () async throws(StorageError) in
            let admission = policy.admission(.put(object), isAdmitted: true)
            try await admission.renew()
            clock.set(by: .seconds(3600))
            try await admission.renew()
            #expect(asked() == 1)
            clock.advance(by: .seconds(2))
            try await admission.renew()
            try await admission.renew()
            #expect(asked() == 2)
            clock.advance(by: .seconds(2))
            await #expect(throws: StorageError.self) { try await admission.renew() }
        }
    }

    /// Who was stopped between the gate and what it does is asked again, and so is who passed none.
    @Test func anAdmissionIsAsOldAsTheQuestion() async throws {
        let (gate, clock) = (CountingGate(9), ManualClock())
        let policy = policy(clock.timing, gate: gate)
        #expect(!policy.admission(.delete(object), isAdmitted: true).isFresh)
        try await policy.run(change: .delete(object)) { () async throws(StorageError) in
            #expect(policy.admission(.delete(object), isAdmitted: true).isFresh)
            clock.advance(by: .seconds(2))
            #expect(!policy.admission(.delete(object), isAdmitted: true).isFresh)
        }
    }
}
