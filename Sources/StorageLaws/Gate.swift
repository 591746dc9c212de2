internal import Synchronization

/// A gate that is opened once; tasks wait before it, and a cancelled one goes on.
package final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var ticket = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
        var gone: Set<Int> = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Whether the gate was opened.
    package var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Lets all pass, now and later.
    package func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns once the gate is open or the task is cancelled.
    package func wait() async {
        let ticket = state.withLock { state in
            state.ticket += 1
            return state.ticket
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let passes = state.withLock { state in
                    if state.isOpen || state.gone.remove(ticket) != nil { return true }
                    state.waiting[ticket] = continuation
                    return false
                }
                if passes { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                guard let waiting = state.waiting.removeValue(forKey: ticket) else {
                    state.gone.insert(ticket)
                    return nil as CheckedContinuation<Void, Never>?
                }
                return waiting
            }
            continuation?.resume()
        }
        state.withLock { _ = $0.gone.remove(ticket) }
    }
}
