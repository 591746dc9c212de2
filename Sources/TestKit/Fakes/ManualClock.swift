package import Storage

/// A clock that moves only when it is told to; waiting takes no time and is written down.
package final class ManualClock: Sendable {
    private struct State {
        var milliseconds: Int64
        var uptime = Duration.zero
        var waits: [Duration] = []
    }

    private let state: Locked<State>
    private let chance: Double

    /// A clock at `milliseconds` since 1970, with a die that always shows `chance` (from 0 up to 1).
    package init(milliseconds: Int64 = 1_750_000_000_000, chance: Double = 0.5) {
        state = Locked(State(milliseconds: milliseconds))
        self.chance = chance
    }

    /// Milliseconds since 1970.
    package var now: Int64 { state.read { $0.milliseconds } }

    /// How long was waited, wait by wait.
    package var waits: [Duration] { state.read { $0.waits } }

    /// How much time has passed, whatever the clock on the wall was set to.
    package var uptime: Duration { state.read { $0.uptime } }

    /// Lets time pass.
    package func advance(by duration: Duration) {
        state.change { state in
            state.milliseconds += Self.milliseconds(duration)
            state.uptime += duration
        }
    }

    /// Sets the clock on the wall, as somebody may do at any moment; no time passes.
    package func set(by duration: Duration) {
        state.change { $0.milliseconds += Self.milliseconds(duration) }
    }

    /// Time and chance of this clock; a wait lets time pass, and a cancelled task cannot wait.
    package var timing: Timing {
        Timing(
            now: { [self] in self.now },
            uptime: { [self] in self.uptime },
            sleep: { [self] duration in
                try Task.checkCancellation()
                self.state.change { $0.waits.append(duration) }
                self.advance(by: duration)
            },
            random: { [chance] in chance }
        )
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
