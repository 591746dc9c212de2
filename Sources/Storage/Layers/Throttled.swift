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

    func get(_ name: ObjectName, _ range: Range<UInt64>?) async throws(StorageError) -> any ByteStream {
        bucket.slow(try await base.get(name, range))
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo { try await base.stat(name) }

    func list(_ prefix: String) -> any ObjectStream { base.list(prefix) }

    func delete(_ name: ObjectName) async throws(StorageError) { try await base.delete(name) }

    func usage() async throws(StorageError) -> Usage { try await base.usage() }
}

/// Hands out bytes at a steady rate.
package final class TokenBucket: Sendable {
    private let bytesPerSecond: Double
    private let timing: Timing
    /// The moment, in milliseconds, from which on the next byte may pass.
    private let next: Locked<Double>

    package init(bytesPerSecond: UInt64, timing: Timing) {
        self.bytesPerSecond = Double(max(1, bytesPerSecond))
        self.timing = timing
        next = Locked(0)
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
        let now = Double(timing.now())
        let cost = Double(count) / bytesPerSecond * 1000
        let wait = next.change { next in
            let start = max(next, now)
            next = start + cost
            return start + cost - now
        }
        if wait >= 1 { try await timing.pause(.milliseconds(Int64(wait))) }
    }
}
