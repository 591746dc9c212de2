internal import Synchronization

/// A number of places; who finds none free waits in line and can be cancelled there.
package final class Permits: Sendable {
    private struct State {
        var free: Int
        var ticket = 0
        var waiting: [(ticket: Int, continuation: CheckedContinuation<Bool, Never>)] = []
        var cancelled: Set<Int> = []
    }

    private let state: Mutex<State>

    package init(_ count: Int) { state = Mutex(State(free: max(1, count))) }

    /// A place that was taken.
    ///
    /// It is given back once, at the latest when it is dropped.
    package final class Permit: Sendable {
        private let owner: Once<Permits>

        init(_ owner: Permits) { self.owner = Once(owner) }

        deinit { give() }

        /// Gives the place to the next in line.
        package func give() { owner.take()?.release() }
    }

    /// Waits for a place; throws `cancelled` when the task is told to stop.
    package func take() async throws(StorageError) -> Permit {
        let ticket = state.withLock { state in
            state.ticket += 1
            return state.ticket
        }
        let granted = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
                let answer: Bool? = state.withLock { state in
                    if state.cancelled.remove(ticket) != nil { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append((ticket, continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            cancel(ticket)
        }
        state.withLock { _ = $0.cancelled.remove(ticket) }
        guard granted else { throw StorageError.cancelled }
        return Permit(self)
    }

    private func cancel(_ ticket: Int) {
        let waiter: CheckedContinuation<Bool, Never>? = state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) else {
                state.cancelled.insert(ticket)
                return nil
            }
            return state.waiting.remove(at: index).continuation
        }
        waiter?.resume(returning: false)
    }

    private func release() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: true)
    }
}
