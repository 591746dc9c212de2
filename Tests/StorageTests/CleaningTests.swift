import Storage
import TestKit
import Testing

/// Who cleans up after a failure comes to an end, and says when something may stay.
@Suite(.timeLimit(.minutes(1))) struct CleaningTests {
    private let failure = StorageError(.corrupt, "It broke.")

    @Test(arguments: [true, false]) func whatMayStayIsOfUnknownOutcome(isCleaned: Bool) async {
        let told = await failure.cleaning { () async throws(StorageError) in if !isCleaned { throw .lasting } }
        #expect(told.code == .corrupt && told.mayHaveHappened == !isCleaned)
    }

    /// Before it begins, and while it is under way.
    @Test(arguments: [true, false]) func aStopIsHeard(isEarly: Bool) async {
        let begun = Doorway()
        let failure = failure
        let task = Task {
            if isEarly { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }
            return await failure.cleaning { () async throws(StorageError) in
                if !isEarly { await begun.pass() }
                try await forever()
            }
        }
        if !isEarly {
            await begun.arrived()
            begun.open()
            task.cancel()
        }
        let told = await task.value
        #expect(told.mayHaveHappened)
    }

    /// Ends only when it is told to.
    private func forever() async throws(StorageError) {
        do {
            try await hangUntilCancelled()
        } catch {
            throw .cancelled
        }
    }
}
