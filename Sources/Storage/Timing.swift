/// Time and chance as they are passed in, so that tests decide both.
package struct Timing: Sendable {
    /// Milliseconds since 1970, by the clock on the wall: for stamps that people see, and for signatures.
    ///
    /// It may jump, so nothing that waits looks at it.
    package var now: @Sendable () -> Int64
    /// How long it is since some moment, whatever happens to the clock on the wall: for everything that waits.
    package var uptime: @Sendable () -> Duration
    /// Waits; throws when the task is cancelled.
    package var sleep: @Sendable (Duration) async throws -> Void
    /// A number from 0 up to 1.
    package var random: @Sendable () -> Double

    package init(
        now: @escaping @Sendable () -> Int64,
        uptime: @escaping @Sendable () -> Duration = { start.duration(to: .now) },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.now = now
        self.uptime = uptime
        self.sleep = sleep
        self.random = random
    }

    private static let start = ContinuousClock.now

    /// Waits, and throws `cancelled` when the task is told to stop: a stop is never swallowed.
    package func pause(_ duration: Duration) async throws(StorageError) {
        do {
            try await sleep(duration)
        } catch {
            throw StorageError.cancelled
        }
    }
}
