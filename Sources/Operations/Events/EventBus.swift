internal import Catalog
internal import Schema
internal import Storage

/// Where everything is told that happens in a kit, in one order.
package final class EventBus: Sendable {
    /// A listener, for as long as somebody keeps it.
    package final class Listening: Sendable {
        private let end: @Sendable () -> Void

        fileprivate init(end: @escaping @Sendable () -> Void) { self.end = end }

        deinit { end() }
    }

    /// The call in whose task something happens.
    struct Mark: Sendable {
        let call: String
        let operation: String
        /// Whether what it says of itself is kept in the log: it may change something.
        let isKept: Bool

        @TaskLocal static var current: Mark?
    }

    /// Who is told of events.
    struct Listener: Sendable {
        /// The call of which it hears; nil is all of them.
        var call: String?
        let wantsProgress: Bool
        let body: @Sendable ([Event]) -> Void

        func isFor(_ event: Event) -> Bool {
            (call == nil || call == event.call) && (wantsProgress || event.kind != .progress)
        }
    }

    private struct State {
        var listeners: [Int: Listener] = [:]
        var lastListener = 0
        var number: UInt64 = 0
    }

    /// Told apart from all other processes that write to the log of the home.
    private let boot = String(randomIdentifier().prefix(12))
    private let timing: Timing
    private let state = Locked(State())
    /// Held while an event is told, so that all hear everything in the order of the numbers.
    private let telling = Locked(())

    init(timing: Timing) { self.timing = timing }

    /// Has `body` told of all events, one time after another and in their order; it must be quick, and tell nothing
    /// itself.
    package func listen(
        progress wantsProgress: Bool = false,
        _ body: @escaping @Sendable ([Event]) -> Void
    ) -> Listening {
        listen(Listener(wantsProgress: wantsProgress, body: body))
    }

    private func listen(_ listener: Listener) -> Listening {
        let key = state.change { state in
            state.lastListener += 1
            state.listeners[state.lastListener] = listener
            return state.lastListener
        }
        return Listening { [weak self] in self?.state.change { _ = $0.listeners.removeValue(forKey: key) } }
    }

    /// Whether somebody wants to know how far the work of a call is.
    func tellsProgress(of call: String) -> Bool {
        state.read { state in
            state.listeners.values.contains { $0.wantsProgress && ($0.call == nil || $0.call == call) }
        }
    }

    /// Names a call, and tells that it began; `isKept` says whether the log has what it says of itself.
    ///
    /// `listener` hears of that and of what comes after it, as long as its caller keeps what comes back.
    func begin(_ event: Event, isKept: Bool, for listener: Listener?) -> (call: String, listening: Listening?) {
        telling.change { _ in
            var (event, listener) = (event, listener)
            let id = nextID()
            event.call = id
            event.isKept = isKept
            listener?.call = id
            let listening = listener.map { listen($0) }
            tell([stamped(event, id)])
            return (id, listening)
        }
    }

    /// Tells what happened in the call of this task, if it is one.
    func tell(_ events: [Event], in mark: Mark? = Mark.current) {
        telling.change { _ in
            tell(
                events.map { event in
                    var event = event
                    event.call = event.call ?? mark?.call
                    event.operation = event.operation ?? mark?.operation
                    // What is in the catalog was changed, whoever did it.
                    if case .written = event.kind {} else { event.isKept = mark?.isKept ?? false }
                    return stamped(event, nextID())
                }
            )
        }
    }

    private func nextID() -> String {
        state.change { state in
            state.number += 1
            return "\(boot)-\(state.number)"
        }
    }

    private func stamped(_ event: Event, _ id: String) -> Event {
        var event = event
        event.id = id
        event.time = Timestamp(milliseconds: timing.now())
        return event
    }

    private func tell(_ events: [Event]) {
        let listeners = state.read { $0.listeners.sorted { $0.key < $1.key }.map(\.value) }
        for listener in listeners {
            let heard = events.filter(listener.isFor)
            if !heard.isEmpty { listener.body(heard) }
        }
    }
}
