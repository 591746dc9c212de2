internal import Arguments
internal import POSIX
internal import Storage
internal import Synchronization

/// One line on standard error that says how far the work is; it is drawn anew when something happens.
final class ProgressBar: Sendable {
    private struct State {
        var meter = ProgressMeter()
        var isShown: Bool
        var isDrawn = false
        var drawnAt: Int64 = 0
    }

    /// Milliseconds between two drawings, at least.
    private static let pause: Int64 = 100

    private let state: Mutex<State>
    private let tellsTitles: Bool

    /// A bar that is seen when `isShown` is set; `tellsTitles` prints what begins as a line of its own.
    init(isShown: Bool, tellsTitles: Bool) {
        state = Mutex(State(isShown: isShown))
        self.tellsTitles = tellsTitles
    }

    /// What the bar is told.
    var progress: Progress {
        let isShown = state.withLock { $0.isShown }
        return isShown || tellsTitles ? Progress(isWatched: isShown) { [self] event in handle(event) } : .silent
    }

    /// Takes the bar off the terminal until the next event.
    func clear() { state.withLock { Self.clear(&$0) } }

    /// Takes the bar off the terminal for good.
    func hide() {
        state.withLock { state in
            Self.clear(&state)
            state.isShown = false
        }
    }

    private func handle(_ event: Progress.Event) {
        let now = currentMilliseconds()
        state.withLock { state in
            switch event {
            case .began(let title, let items, let bytes):
                state.meter.began(title, items: items, bytes: bytes, at: now)
                if tellsTitles {
                    Self.clear(&state)
                    Self.write(DisplayText(title).text + "\n")
                }
            case .items(let count): state.meter.add(items: count, at: now)
            case .bytes(let count): state.meter.add(bytes: count, at: now)
            case .ended: state.meter.ended()
            }
            guard state.isShown else { return }
            guard state.meter.isActive else { return Self.clear(&state) }
            // A clock that was put back must not stop the bar.
            guard now - state.drawnAt >= Self.pause || now < state.drawnAt else { return }
            // One cell stays free: a line that fills the terminal would be broken by some of them.
            let line = state.meter.line(width: (StandardStream.error.width ?? 80) - 1, at: now)
            Self.write("\r\u{1B}[K" + line)
            state.isDrawn = true
            state.drawnAt = now
        }
    }

    private static func clear(_ state: inout State) {
        guard state.isDrawn else { return }
        write("\r\u{1B}[K")
        state.isDrawn = false
    }

    private static func write(_ text: String) {
        // Nobody can be told that standard error is closed.
        try? StandardStream.error.write(Array(text.utf8)[...])
    }
}
