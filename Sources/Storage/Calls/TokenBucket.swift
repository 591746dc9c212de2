/// Hands out bytes at a steady rate.
package final class TokenBucket: Sendable {
    private let bytesPerSecond: Double
    private let timing: Timing
    /// The moment from which on the next byte may pass.
    private let next: Locked<Duration>

    package init(bytesPerSecond: UInt64, timing: Timing) {
        self.bytesPerSecond = Double(max(1, bytesPerSecond))
        self.timing = timing
        next = Locked(.zero)
    }

    /// The same stream at the rate of the bucket.
    func slow(_ stream: any ByteStream) -> any ByteStream {
        Pulled { [self] in
            let cursor = StreamCursor(stream)
            return { () async throws(StorageError) in
                guard let chunk = try await cursor.next() else { return nil }
                try await self.pass(chunk.count)
                return chunk
            }
        }
    }

    private func pass(_ count: Int) async throws(StorageError) {
        let now = timing.uptime()
        let cost = Duration.seconds(Double(count) / bytesPerSecond)
        let wait = next.change { next in
            next = max(next, now) + cost
            return next - now
        }
        if wait >= .milliseconds(1) { try await timing.pause(wait) }
    }
}
