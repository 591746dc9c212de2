internal import Catalog
internal import Multiformats
internal import POSIX
internal import Schema
internal import Storage

/// Where everything is told that happens in a kit, in one order.
///
/// Who tells something waits for the log of the home alone, which is a file beside the catalog: listeners hear on
/// threads of their own, and who is slow keeps nobody waiting but those who wait for him.
package final class EventBus: Sendable {
    /// The call in whose task something happens.
    struct Mark: Sendable {
        let call: String
        let operation: String
        /// Whether what it says of itself is kept in the log: it may change something.
        let isKept: Bool

        @TaskLocal static var current: Mark?
    }

    private struct State {
        var listeners: [Int: Listening] = [:]
        var lastListener = 0
        var number: UInt64 = 0
        /// Why lines of calls are not in the log, for those that have not asked yet.
        var failures: [String: FileError] = [:]
    }

    /// Told apart from all other processes that write to the log of the home.
    private let boot = String(randomIdentifier().prefix(12))
    private let timing: Timing
    private let log: EventLog
    private let state = Locked(State())
    /// Held while an event is told, so that all hear everything in the order of the numbers.
    private let telling = Locked(())

    init(timing: Timing, log: EventLog) { (self.timing, self.log) = (timing, log) }

    /// Has `body` told of all events, one time after another and in their order, as long as what comes back is kept.
    package func listen(
        progress wantsProgress: Bool = false,
        _ body: @escaping @Sendable ([Event]) -> Void
    ) -> Listening {
        let listening = Listening(wantsProgress: wantsProgress, body)
        attach(listening)
        return listening
    }

    private func attach(_ listening: Listening) {
        let key = state.change { state in
            state.lastListener += 1
            state.listeners[state.lastListener] = Listening(hearing: listening)
            return state.lastListener
        }
        listening.onEnd { [weak self] in self?.state.change { _ = $0.listeners.removeValue(forKey: key) } }
    }

    /// Whether somebody wants to know how far the work of a call is.
    func tellsProgress(of call: String) -> Bool {
        state.read { $0.listeners.values.contains { $0.wantsProgress(of: call) } }
    }

    /// Names a call, and tells that it began; `isKept` says whether the log has what it says of itself.
    ///
    /// `listening` hears of that and of what comes after it in the call.
    func begin(_ event: Event, isKept: Bool, for listening: Listening?) -> String {
        telling.change { _ in
            var event = event
            let id = nextID()
            event.call = id
            event.isKept = isKept
            if let listening {
                listening.narrow(to: id)
                attach(listening)
            }
            tell([stamped(event, id)])
            return id
        }
    }

    /// Tells what happened in a call, if it is one.
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

    /// Why lines of a call are not in the log; nil where all are.
    ///
    /// It is said once.
    func logFailure(of call: String) -> FileError? { state.change { $0.failures.removeValue(forKey: call) } }

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
        event.message = event.message.map { Redactor.shared.clean($0) }
        return event
    }

    private func tell(_ events: [Event]) {
        do throws(FileError) {
            try log.write(events)
        } catch {
            state.change { [error] state in
                for call in Set(events.compactMap(\.call)) where state.failures.count < 1000 {
                    state.failures[call] = state.failures[call] ?? error
                }
            }
        }
        for (_, listener) in state.read({ $0.listeners.sorted { $0.key < $1.key } }) { listener.push(events) }
    }
}
