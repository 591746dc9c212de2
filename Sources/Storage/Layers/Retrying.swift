/// Makes a failed call again when that may help: exponential backoff with full jitter, and what the server asked for.
///
/// Every call of a service may be made twice without harm. That a first try may have been made all the same is not
/// forgotten when a later one fails otherwise.
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

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let object = try await attempt { () async throws(StorageError) in
            try await open(name, range, version: version, length: nil)
        }
        return object.through { _ in
            ResumedRead(service: self, name: name, range: range, first: object).stream
        }
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

    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await attempt { () async throws(StorageError) in try await base.clear(name, mayResume: mayResume) }
    }

    func usage() async throws(StorageError) -> Usage {
        try await attempt { () async throws(StorageError) in try await base.usage() }
    }

    /// Opens an object and compares what came with what was wanted, whether or not the service did.
    func open(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?,
        length: UInt64?
    ) async throws(StorageError) -> OpenObject {
        let object = try await base.get(name, range, version: version)
        if let length, let other = object.length, other != length { throw StorageError.changed(name) }
        guard let version else { return object }
        guard let found = object.version else {
            throw StorageError(.unavailable, "The service does not say any more which version of \(name) it gives.")
        }
        guard found == version else { throw StorageError.changed(name) }
        return object
    }

    /// Does `work` until it succeeds, cannot succeed, or has been tried often enough; `mayRepeat` is asked after a
    /// failure.
    func attempt<Value>(
        mayRepeat: () -> Bool = { true },
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        var tries = 0
        var waited = Duration.zero
        var mayHaveHappened = false
        while true {
            do throws(StorageError) {
                try StorageError.checkCancellation()
                return try await work()
            } catch {
                mayHaveHappened = mayHaveHappened || error.mayHaveHappened
                let error = mayHaveHappened ? error.ofUnknownOutcome : error
                guard error.retry != .never, tries < retries, mayRepeat() else { throw error }
                let wait = wait(for: error.retry, after: tries)
                // Nobody is asked sooner than they said, and whoever says an hour is asked by the next sync.
                guard waited + wait <= Self.longestWait else { throw error }
                do throws(StorageError) {
                    try await timing.pause(wait)
                } catch let stop {
                    throw mayHaveHappened ? stop.ofUnknownOutcome : stop
                }
                waited += wait
                tries += 1
            }
        }
    }

    /// How long one call may wait in all.
    private static let longestWait = Duration.seconds(150)

    /// 0.25 s doubled for each try up to 30 s, times chance; what the server asked for, plus up to 1 s.
    private func wait(for retry: StorageError.Retry, after tries: Int) -> Duration {
        if case .after(let asked) = retry {
            return min(max(asked, .zero), .seconds(86_400)) + .milliseconds(Int64(timing.random() * 1000))
        }
        let ceiling = min(30_000, 250 << min(tries, 10))
        return .milliseconds(Int64(timing.random() * Double(ceiling)))
    }
}
