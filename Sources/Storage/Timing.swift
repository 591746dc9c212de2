/// Time and chance as they are passed in, so that tests decide both.
package struct Timing: Sendable {
    /// Milliseconds since 1970.
    package var now: @Sendable () -> Int64
    /// Waits; throws when the task is cancelled.
    package var sleep: @Sendable (Duration) async throws -> Void
    /// A number from 0 up to 1.
    package var random: @Sendable () -> Double

    package init(
        now: @escaping @Sendable () -> Int64,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.now = now
        self.sleep = sleep
        self.random = random
    }

    /// Waits, and throws `cancelled` when the task is told to stop: a stop is never swallowed.
    package func pause(_ duration: Duration) async throws(StorageError) {
        do {
            try await sleep(duration)
        } catch {
            throw StorageError.cancelled
        }
    }
}
