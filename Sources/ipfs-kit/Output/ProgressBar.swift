internal import Arguments
internal import POSIX
internal import Storage
internal import Synchronization

/// One line on standard error that says how far the work is.
final class ProgressBar: Sendable {
    private struct State {
        var meter = ProgressMeter()
        var isShown: Bool
        var isDrawn = false
    }

    private let state: Mutex<State>

    /// A bar that is seen when `isShown` is set.
    init(isShown: Bool) { state = Mutex(State(isShown: isShown)) }

    /// Says whether it is seen.
    var isShown: Bool { state.withLock { $0.isShown } }

    /// Takes the bar off the terminal until it is shown again.
    func clear() { state.withLock { Self.clear(&$0) } }

    /// Takes the bar off the terminal for good.
    func hide() {
        state.withLock { state in
            Self.clear(&state)
            state.isShown = false
        }
    }

    /// Shows how far the work is; what is over is not shown.
    func show(_ amount: Progress.Amount) {
        let now = monotonicMilliseconds()
        state.withLock { state in
            guard state.isShown else { return }
            guard amount.isActive else { return Self.clear(&state) }
            state.meter.expect(amount.title, items: amount.allItems, bytes: amount.allBytes)
            state.meter.reached(items: amount.items, bytes: amount.bytes, at: now)
            // One cell stays free: a line that fills the terminal would be broken by some of them.
            let line = state.meter.line(width: (StandardStream.error.width ?? 80) - 1, at: now)
            Self.write("\r\u{1B}[K" + line)
            state.isDrawn = true
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
