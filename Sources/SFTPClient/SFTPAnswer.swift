internal import Synchronization

/// A request that was sent, whose answer may be waited for now, later, or not at all.
package struct SFTPPending<Value: Sendable>: Sendable {
    let answer: SFTPAnswer
    let read: @Sendable (SFTPReply) -> Value?

    /// What the request gave; throws `refused` where the server did not do it.
    ///
    /// A stop of the task ends the wait, unless it is for what a stopped task has to clean up.
    package func value(evenIfStopped: Bool = false) async throws(SFTPError) -> Value {
        let reply = try await answer.reply(evenIfStopped: evenIfStopped)
        if let value = read(reply) { return value }
        if case .status(let status, let words) = reply, status != 0 { throw SFTPError(status: status, words: words) }
        throw SFTPError(.protocolViolation, "The server gave an answer that belongs to another request.")
    }

    /// What the request gave, or why it gave nothing.
    package func result(evenIfStopped: Bool = false) async -> Result<Value, SFTPError> {
        do throws(SFTPError) {
            return .success(try await value(evenIfStopped: evenIfStopped))
        } catch {
            return .failure(error)
        }
    }
}

/// The answer to a request that was sent, for whoever waits for it: it comes, or the error does that ended the session.
final class SFTPAnswer: Sendable {
    typealias Outcome = Result<SFTPReply, SFTPError>

    private struct State {
        var outcome: Outcome?
        var waiters: [Int: CheckedContinuation<Outcome, Never>] = [:]
        var count = 0
        /// Those who were told to stop before they waited.
        var stopped: Set<Int> = []
    }

    /// Until when it may come, as the session's clock has it; nil where only the session's silence ends the wait.
    let limit: Duration?
    /// Whether a server may be silent over it for long, as when it waits for its disk.
    let isSlow: Bool
    let observer: SFTPObserver
    private let state = Mutex(State())

    init(until limit: Duration? = nil, isSlow: Bool = false, observer: @escaping SFTPObserver) {
        (self.limit, self.isSlow, self.observer) = (limit, isSlow, observer)
    }

    func reply(evenIfStopped: Bool = false) async throws(SFTPError) -> SFTPReply {
        let key = state.withLock { state in
            state.count += 1
            return state.count
        }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { (waiter: CheckedContinuation<Outcome, Never>) in
                let early = state.withLock { state -> Outcome? in
                    if let outcome = state.outcome { return outcome }
                    if state.stopped.contains(key) { return .failure(.cancelled) }
                    state.waiters[key] = waiter
                    return nil
                }
                if let early { waiter.resume(returning: early) }
            }
        } onCancel: {
            guard !evenIfStopped else { return }
            let waiter = state.withLock { state in
                state.stopped.insert(key)
                return state.waiters.removeValue(forKey: key)
            }
            waiter?.resume(returning: .failure(.cancelled))
        }
        return try outcome.get()
    }

    /// Gives the answer to all who wait, or will, and says whether whoever waited has gone; only the first one counts.
    @discardableResult
    func resolve(_ outcome: Outcome) -> Bool {
        let (waiters, isLeft) = state.withLock { state -> ([CheckedContinuation<Outcome, Never>], Bool) in
            guard state.outcome == nil else { return ([], false) }
            state.outcome = outcome
            defer { state.waiters = [:] }
            return (Array(state.waiters.values), state.waiters.isEmpty && !state.stopped.isEmpty)
        }
        for waiter in waiters { waiter.resume(returning: outcome) }
        return isLeft
    }
}
