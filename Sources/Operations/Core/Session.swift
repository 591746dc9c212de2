internal import POSIX
package import Storage

/// The world around an operation: where its output goes, and what it may ask.
package struct Session: Sendable {
    package var progress: Progress
    package var timing: Timing
    /// The value of an environment variable.
    package var environment: @Sendable (String) -> String?
    /// Whether standard output is a terminal.
    package var isTerminal: Bool
    /// Takes content for standard output.
    package var write: @Sendable (ArraySlice<UInt8>) throws(KitError) -> Void
    /// Takes one item of an output that comes bit by bit.
    package var emit: @Sendable (any OperationOutput) -> Void
    /// Takes a sentence for people about something odd, while the work goes on.
    package var notice: @Sendable (String) -> Void
    /// Gives up to so many bytes of standard input; none at its end.
    package var read: @Sendable (Int) throws(KitError) -> [UInt8]

    package init(
        progress: Progress = .silent,
        timing: Timing = Timing(now: currentMilliseconds),
        environment: @escaping @Sendable (String) -> String? = { POSIX.environment($0) },
        isTerminal: Bool = false,
        write: @escaping @Sendable (ArraySlice<UInt8>) throws(KitError) -> Void = { _ in },
        emit: @escaping @Sendable (any OperationOutput) -> Void = { _ in },
        notice: @escaping @Sendable (String) -> Void = { _ in },
        read: @escaping @Sendable (Int) throws(KitError) -> [UInt8] = { _ in [] }
    ) {
        self.progress = progress
        self.timing = timing
        self.environment = environment
        self.isTerminal = isTerminal
        self.write = write
        self.emit = emit
        self.notice = notice
        self.read = read
    }
}
