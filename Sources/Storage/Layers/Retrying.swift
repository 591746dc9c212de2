/// Makes a failed call again when that may help: exponential backoff with full jitter, and what the server asked for.
struct Retrying: StorageService {
    let base: any StorageService
    /// How often a call is made again after the first time.
    let retries: Int
    let timing: Timing

    var capabilities: Capabilities { base.capabilities }
    var limits: Limits { base.limits }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        try await attempt { () async throws(StorageError) in try await base.put(name, body) }
    }

    func get(_ name: ObjectName, _ range: Range<UInt64>?) async throws(StorageError) -> any ByteStream {
        let first = try await attempt { () async throws(StorageError) in try await base.get(name, range) }
        guard capabilities.contains(.rangeReads) else { return first }
        return resuming(first, name, range)
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await attempt { () async throws(StorageError) in try await base.stat(name) }
    }

    /// A page that fails is asked for again by the service's own cursor, so only opening anew would repeat items.
    func list(_ prefix: String) -> any ObjectStream {
        Pulled {
            let cursor = StreamCursor(base.list(prefix))
            return { () async throws(StorageError) in
                try await attempt { () async throws(StorageError) in try await cursor.next() }
            }
        }
    }

    func delete(_ name: ObjectName) async throws(StorageError) {
        try await attempt { () async throws(StorageError) in try await base.delete(name) }
    }

    func usage() async throws(StorageError) -> Usage {
        try await attempt { () async throws(StorageError) in try await base.usage() }
    }

    /// Goes on after a broken read where it stopped, instead of from the beginning.
    private func resuming(_ first: any ByteStream, _ name: ObjectName, _ range: Range<UInt64>?) -> any ByteStream {
        Pulled {
            let position = Position(cursor: StreamCursor(first), offset: range?.lowerBound ?? 0)
            let end = range?.upperBound ?? .max
            return { () async throws(StorageError) in
                try await attempt { () async throws(StorageError) in
                    // A stream that broke is never asked again: some would answer with a mere end.
                    let cursor: StreamCursor<[UInt8]>
                    if let open = position.cursor {
                        cursor = open
                    } else {
                        cursor = StreamCursor(try await base.get(name, min(position.offset, end)..<end))
                    }
                    position.leave()
                    let chunk = try await cursor.next()
                    position.arrive(cursor, count: chunk?.count ?? 0)
                    return chunk
                }
            }
        }
    }

    private func attempt<Value>(
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        var tries = 0
        while true {
            try StorageError.checkCancellation()
            do throws(StorageError) {
                return try await work()
            } catch {
                guard error.retry != .never, tries < retries else { throw error }
                try await timing.pause(wait(for: error.retry, after: tries))
                tries += 1
            }
        }
    }

    /// 0.25 s doubled for each try up to 30 s, times chance; what the server asked for, up to 5 min, plus up to 1 s.
    private func wait(for retry: StorageError.Retry, after tries: Int) -> Duration {
        if case .after(let asked) = retry {
            return min(max(asked, .zero), .seconds(300)) + .milliseconds(Int64(timing.random() * 1000))
        }
        let ceiling = min(30_000, 250 << min(tries, 10))
        return .milliseconds(Int64(timing.random() * Double(ceiling)))
    }
}

/// Where a read that may be opened again has got to.
private final class Position: Sendable {
    private struct State {
        var cursor: StreamCursor<[UInt8]>?
        var offset: UInt64
    }
    private let state: Locked<State>

    init(cursor: StreamCursor<[UInt8]>, offset: UInt64) {
        state = Locked(State(cursor: cursor, offset: offset))
    }

    /// The bytes that came so far, from the beginning of the object.
    var offset: UInt64 { state.read { $0.offset } }

    /// The stream to read from; nil after it broke.
    var cursor: StreamCursor<[UInt8]>? { state.read { $0.cursor } }

    func leave() {
        state.change { $0.cursor = nil }
    }

    func arrive(_ cursor: StreamCursor<[UInt8]>, count: Int) {
        state.change { state in
            state.cursor = cursor
            state.offset += UInt64(count)
        }
    }
}
