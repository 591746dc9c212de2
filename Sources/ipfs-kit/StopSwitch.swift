internal import Operations
internal import POSIX
internal import Synchronization

/// What a signal to stop does: the first one cancels the work, the second one ends the process.
final class StopSwitch: Sendable {
    private struct State {
        var presses = 0
        var cancel: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Says whether a signal to stop came.
    var isPressed: Bool { state.withLock { $0.presses > 0 } }

    /// Gives the switch the work that it stops.
    func attach(_ cancel: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            state.cancel = cancel
            return state.presses > 0
        }
        if isLate { cancel() }
    }

    /// A signal came; what waits for input asks ``isPressed``.
    func press() {
        let (presses, cancel) = state.withLock { state in
            state.presses += 1
            return (state.presses, state.cancel)
        }
        if presses > 1 { endProcess(ExitCode.interrupted.rawValue) }
        Interruption.ask()
        cancel?()
        // A call of the system that never comes back, as on a mount whose server is gone, would keep it for ever.
        // What is left behind then is found as after a kill.
        Task.detached {
            try? await Task.sleep(for: Self.patience)
            let line = "ipfs-kit: It was interrupted, and what was under way did not end.\n"
            try? StandardStream.error.write(Array(line.utf8)[...])
            endProcess(ExitCode.interrupted.rawValue)
        }
    }

    /// How long what was stopped may take to end.
    private static let patience = Duration.seconds(20)

    /// Cancels the work without a signal.
    func cancel() {
        state.withLock { $0.cancel }?()
    }
}
