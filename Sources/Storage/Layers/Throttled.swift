/// Keeps uploads and downloads together under a number of bytes a second.
struct Throttled: StorageService {
    let base: any StorageService
    let bucket: TokenBucket

    var capabilities: Capabilities { base.capabilities }
    var limits: Limits { base.limits }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        let slowed = body.through { [bucket] in bucket.slow($0) }
        return try await base.put(name, slowed)
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        try await base.get(name, range, version: version).through { bucket.slow($0) }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo { try await base.stat(name) }

    func list(_ prefix: String) -> any ObjectStream { base.list(prefix) }

    func delete(_ name: ObjectName) async throws(StorageError) { try await base.delete(name) }

    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await base.clear(name, mayResume: mayResume)
    }

    func usage() async throws(StorageError) -> Usage { try await base.usage() }
}

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
