internal import Synchronization

/// Something that comes once, or the error does in its place, for all who wait for it.
final class AnnexAnswer<Value: Sendable>: Sendable {
    typealias Outcome = Result<Value, AnnexError>

    private struct State {
        var outcome: Outcome?
        var waiters: [Int: CheckedContinuation<Outcome, Never>] = [:]
        var count = 0
        /// Those who were told to stop before they waited.
        var stopped: Set<Int> = []
    }

    private let state = Mutex(State())

    /// Waits for it; a stop of the task ends the wait, unless it is for what a stopped task has to see to.
    func value(evenIfStopped: Bool = false) async throws(AnnexError) -> Value {
        let key = state.withLock { state in
            state.count += 1
            return state.count
        }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Outcome, Never>) in
                let early = state.withLock { state -> Outcome? in
                    if let outcome = state.outcome { return outcome }
                    if state.stopped.remove(key) != nil { return .failure(.cancelled) }
                    state.waiters[key] = waiter
                    return nil
                }
                if let early { waiter.resume(returning: early) }
            }
        } onCancel: {
            guard !evenIfStopped else { return }
            let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
                guard let waiter = state.waiters.removeValue(forKey: key) else {
                    state.stopped.insert(key)
                    return nil
                }
                return waiter
            }
            waiter?.resume(returning: .failure(.cancelled))
        }
        return try outcome.get()
    }

    /// Gives it to all who wait, or will; only the first one counts.
    func resolve(_ outcome: Outcome) {
        let waiters = state.withLock { state -> [CheckedContinuation<Outcome, Never>] in
            guard state.outcome == nil else { return [] }
            state.outcome = outcome
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(returning: outcome) }
    }
}
