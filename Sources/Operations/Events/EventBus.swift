internal import Catalog
internal import Multiformats
internal import POSIX
internal import Schema
internal import Storage

/// Where everything is told that happens in a kit, in one order.
///
/// Who tells something that the log keeps waits for that alone, which is a file beside the catalog; how far the work
/// is waits for nothing. Listeners hear on threads of their own, and who is slow keeps nobody waiting but those who
/// wait for him.
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
    /// What was told and is not in the log yet; held while an event is told, so that all hear everything in the order
    /// of the numbers.
    private let telling = Locked<[Event]>([])
    /// Held while the log is written.
    private let writing = Locked(())

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
        let id = telling.change { unwritten in
            var event = event
            let id = nextID()
            event.call = id
            event.isKept = isKept
            if let listening {
                listening.narrow(to: id)
                attach(listening)
            }
            pass([stamped(event, id)], &unwritten)
            return id
        }
        if isKept { writeDown() }
        return id
    }

    /// Tells what happened in a call, if it is one.
    func tell(_ events: [Event], in mark: Mark? = Mark.current) {
        let isKept = telling.change { unwritten in
            let told = events.map { event in
                var event = event
                event.call = event.call ?? mark?.call
                event.operation = event.operation ?? mark?.operation
                // What is in the catalog was changed, whoever did it.
                if case .written = event.kind {} else { event.isKept = mark?.isKept ?? false }
                return stamped(event, nextID())
            }
            pass(told, &unwritten)
            return told.contains(where: \.isInLog)
        }
        if isKept { writeDown() }
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
        event.message = event.message.map { String(Redactor.shared.clean($0).prefix(Self.longestMessage)) }
        return event
    }

    /// What is said in one event is no longer than this, in characters: a few must not fill the log.
    private static let longestMessage = 4096

    private func pass(_ events: [Event], _ unwritten: inout [Event]) {
        unwritten += events.filter(\.isInLog)
        for (_, listener) in state.read({ $0.listeners.sorted { $0.key < $1.key } }) { listener.push(events) }
    }

    /// Writes what was told down, in its order; when it returns, what the caller told is in the log, whoever wrote it.
    private func writeDown() {
        writing.change { _ in
            let events = telling.change { unwritten in
                defer { unwritten = [] }
                return unwritten
            }
            do throws(FileError) {
                try log.write(events)
            } catch {
                state.change { [error] state in
                    for call in Set(events.compactMap(\.call)) where state.failures.count < 1000 {
                        state.failures[call] = state.failures[call] ?? error
                    }
                }
            }
        }
    }
}
