internal import Schema
internal import Storage

/// What one call says of itself while it is at work.
struct CallEvents: Sendable {
    private struct State {
        var amount = Progress.Amount()
        var toldAt: Duration?
    }

    /// How often it is told how far the work is, at most.
    private static let pause = Duration.milliseconds(100)

    private let bus: EventBus
    private let timing: Timing
    private let mark: EventBus.Mark
    private let state = Locked(State())

    init(_ bus: EventBus, _ mark: EventBus.Mark, timing: Timing) {
        (self.bus, self.mark, self.timing) = (bus, mark, timing)
    }

    /// What the work is told through.
    var progress: Progress {
        Progress(isWatched: bus.tellsProgress(of: mark.call)) { event in take(event) }
    }

    /// A sentence for people about something odd.
    func warn(_ sentence: String) {
        var event = Event(.warning)
        event.message = sentence
        tell([event])
    }

    /// What the work saw or did that no catalog tells.
    func tell(_ events: [Event]) { bus.tell(events, in: mark) }

    private func take(_ event: Progress.Event) {
        if case .working(let backend, let sentence) = event {
            var event = Event(.working)
            (event.backend, event.message) = (backend, sentence)
            return tell([event])
        }
        // It is counted also while nobody looks, for whoever comes later; and told before anybody counts on, so that it
        // never goes back.
        state.change { state in
            state.amount.count(event)
            guard bus.tellsProgress(of: mark.call) else { return }
            let now = timing.uptime()
            switch event {
            case .items, .bytes: if let last = state.toldAt, now - last < Self.pause { return }
            case .began, .ended, .working: break
            }
            state.toldAt = now
            var told = Event(.progress)
            told.progress = state.amount
            tell([told])
        }
    }
}

extension Call {
    /// How far the work of this call is told through it.
    var progress: Progress { events?.progress ?? .silent }

    /// Tells people a sentence about something odd, while the work goes on.
    func notice(_ sentence: String) { events?.warn(sentence) }
}
