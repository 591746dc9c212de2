internal import POSIX
internal import Storage

/// Somebody who hears of events, for as long as he is kept.
///
/// What he has not heard yet waits for him, within a bound: of the oldest that are more than that he hears how many
/// they were.
package final class Listening: Sendable {
    private struct State {
        /// The call of which he hears; nil is all of them.
        var call: String?
        var waiting: [Event] = []
        /// How many were left out.
        var lost = 0
        var isBusy = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// What is shared with the bus, which does not keep him.
    private final class Ear: Sendable {
        let wantsProgress: Bool
        let body: @Sendable ([Event]) -> Void
        let state = Locked(State())

        init(_ wantsProgress: Bool, _ body: @escaping @Sendable ([Event]) -> Void) {
            (self.wantsProgress, self.body) = (wantsProgress, body)
        }
    }

    private struct End: Sendable {
        var body: (@Sendable () -> Void)?
    }

    /// So many events wait for one who is slow.
    private static let most = 10_000
    private let ear: Ear
    private let end = Locked(End())

    init(wantsProgress: Bool, _ body: @escaping @Sendable ([Event]) -> Void) { ear = Ear(wantsProgress, body) }

    /// The same listener, as the bus has him.
    init(hearing other: Listening) { ear = other.ear }

    deinit { end.read { $0.body }?() }

    /// Has `body` run when nobody keeps him any more.
    func onEnd(_ body: @escaping @Sendable () -> Void) { end.change { $0.body = body } }

    /// Has him hear of one call alone.
    func narrow(to call: String) { ear.state.change { $0.call = call } }

    /// Whether he wants to know how far the work of a call is.
    func wantsProgress(of call: String) -> Bool {
        guard ear.wantsProgress else { return false }
        return ear.state.read { $0.call == nil || $0.call == call }
    }

    /// Gives him events, to be heard when he comes to it.
    func push(_ events: [Event]) {
        let ear = ear
        let begins = ear.state.change { state -> Bool in
            let heard = events.filter { event in
                (state.call == nil || state.call == event.call) && (ear.wantsProgress || event.kind != .progress)
            }
            guard !heard.isEmpty else { return false }
            // Of what is only how far the work is, the newest is enough.
            if let last = state.waiting.last, last.kind == .progress, heard[0].kind == .progress,
                last.call == heard[0].call
            {
                state.waiting.removeLast()
            }
            state.waiting += heard
            if state.waiting.count > Self.most {
                // Half of them at once: to move all of the others for each that comes would hold up who tells it.
                let surplus = state.waiting.count - Self.most / 2
                state.waiting.removeFirst(surplus)
                state.lost += surplus
            }
            defer { state.isBusy = true }
            return !state.isBusy
        }
        // One that never comes back keeps a thread of his own, and neither those of the work nor another listener's.
        guard begins, !startDetachedThread({ Self.hear(ear) }) else { return }
        // Where there are no threads he hears of it with what comes next.
        let waiters = ear.state.change { state in
            defer { (state.isBusy, state.waiters) = (false, []) }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private static func hear(_ ear: Ear) {
        while true {
            let (events, lost) = ear.state.change { state in
                defer { (state.waiting, state.lost) = ([], 0) }
                return (state.waiting, state.lost)
            }
            guard !events.isEmpty else {
                // What came in between is heard first.
                let waiters = ear.state.change { state -> [CheckedContinuation<Void, Never>]? in
                    guard state.waiting.isEmpty else { return nil }
                    defer { (state.isBusy, state.waiters) = (false, []) }
                    return state.waiters
                }
                guard let waiters else { continue }
                for waiter in waiters { waiter.resume() }
                return
            }
            if lost > 0 {
                var note = Event(.warning)
                note.message = "\(lost) events before these came faster than they were heard, and were left out."
                ear.body([note])
            }
            ear.body(events)
        }
    }

    /// Waits until he has heard everything that was told so far, or the task is told to stop.
    package func flush() async {
        let ear = ear
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = ear.state.change { state in
                    let waits = state.isBusy && !Task.isCancelled
                    if waits { state.waiters.append(continuation) }
                    return !waits
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            let waiters = ear.state.change { state in
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume() }
        }
    }
}
