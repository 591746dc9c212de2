/// What a request is for, as it is counted.
package enum CallKind: Sendable, Hashable {
    case put
    case get
    case stat
    case page
    case delete

    var count: any WritableKeyPath<Meter.Counts, UInt64> & Sendable {
        switch self {
        case .put: \.puts
        case .get: \.gets
        case .stat: \.stats
        case .page: \.pages
        case .delete: \.deletes
        }
    }
}

/// How the requests to an opened backend are made: how many at once, when, how often again, and how they are counted.
///
/// A service runs each of its requests through it and decides none of that itself. A request that fails is made again
/// by itself: what another one brought there already is not sent twice. Where a service asks to be left alone, all that
/// use the same credential leave it alone. Whoever sends a request counts it.
package struct CallPolicy: Sendable {
    package let backend: String
    package let timing: Timing
    /// How often a request is made again after the first time.
    let retries: Int
    private var limits: CallLimits
    /// In whose name requests are made that nobody makes in his.
    private let owner: Asker

    /// A policy for a backend whose calls keep within `limits`, and whose changes pass `gate`.
    package init(
        backend: String,
        _ operational: OperationalSettings,
        limits: CallLimits,
        timing: Timing,
        gate: any ChangeGate,
        meter: Meter
    ) {
        self.backend = backend
        self.timing = timing
        retries = operational.retryCount
        self.limits = limits
        owner = Asker(backend: backend, gate: gate, meter: meter)
    }

    /// In whose name this task asks.
    private var asker: Asker { Asker.current.flatMap { $0.backend == backend ? $0 : nil } ?? owner }

    /// Where the requests of this task are counted.
    package var meter: Meter { asker.meter }

    /// A policy with limits of its own.
    package init(
        backend: String,
        _ operational: OperationalSettings = OperationalSettings(),
        timing: Timing,
        gate: any ChangeGate = OpenGate(),
        meter: Meter = Meter()
    ) {
        let limits = CallLimits(operational, timing: timing, pause: CallPause())
        self.init(backend: backend, operational, limits: limits, timing: timing, gate: gate, meter: meter)
    }

    /// The same policy within other limits.
    package func within(_ limits: CallLimits) -> CallPolicy {
        var policy = self
        policy.limits = limits
        return policy
    }

    // MARK: Requests

    /// Makes a request, or a few that belong together, that may be made twice without harm, and makes it again where
    /// that may help.
    ///
    /// Inside another request it is a part of that: it has its place and its tries.
    package func run<Value>(
        change: Change? = nil,
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        guard !isInside else { return try await send(change, work) }
        return try await repeating { () async throws(StorageError) in
            try await once(change: change, work)
        }
    }

    /// Makes a request once: for one that must not be made twice, such as a POST that begins something.
    package func once<Value>(
        change: Change? = nil,
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        guard !isInside else { return try await send(change, work) }
        let permit = try await place()
        defer { permit.give() }
        return try await send(change, work)
    }

    /// A change for whoever sends its requests, to be renewed before each of them; `isAdmitted` says that it was
    /// admitted a moment ago.
    ///
    /// That is the moment before the gate was asked: whoever was stopped after it was admitted is asked again.
    package func admission(_ change: Change, isAdmitted: Bool = false) -> Admission {
        Admission(change, by: asker.gate, timing: timing, admittedAt: isAdmitted ? Self.admittedAt : nil)
    }

    /// Counts a request that is sent now.
    package func count(_ kind: CallKind) { meter.add { $0[keyPath: kind.count] += 1 } }

    /// What counts the bytes that a client hands to a service, and that come from it, for whoever asks in this task;
    /// it may be called on any thread.
    package func byteCounter() -> @Sendable (_ sent: Int, _ received: Int) -> Void {
        let meter = meter
        return { sent, received in
            meter.add { counts in
                counts.bytesStored += UInt64(sent)
                counts.bytesRead += UInt64(received)
            }
        }
    }

    /// Opens something to be read, and goes on where it breaks; it has its place until it ends, breaks or is dropped.
    ///
    /// `open` is given the range and the version to read; `hasRanges` says whether it can give a part.
    package func read(
        _ name: String,
        _ range: Range<UInt64>?,
        version: ObjectVersion?,
        hasRanges: Bool,
        _ open: @escaping ResumedRead.Opener
    ) async throws(StorageError) -> OpenObject {
        let read = ResumedRead(policy: self, name: name, range: range, hasRanges: hasRanges, opener: open)
        return try await read.begin(version)
    }

    /// Makes a request as a part of a read, in the place that the read has, and makes it again where that may help.
    package func inRead<Value>(
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await repeating { () async throws(StorageError) in try await send(nil, work) }
    }

    /// A request with a place that is kept after it, for what is read then.
    func opening<Value>(
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> (Value, Permits.Permit) {
        let permit = try await place()
        do throws(StorageError) {
            return (try await send(nil, work), permit)
        } catch {
            permit.give()
            throw error
        }
    }

    /// A body that is sent at the rate of the backend, and whose bytes are counted.
    package func sending(_ body: Body) -> Body {
        body.through { stream in passing(stream) { [meter] count in meter.add { $0.bytesStored += count } } }
    }

    /// The same bytes at the rate of the backend, for whoever counts them elsewhere.
    package func pacing(_ stream: any ByteStream) -> any ByteStream { limits.bucket?.slow(stream) ?? stream }

    /// The same body, whose bytes come at the rate of the backend.
    package func pacing(_ body: Body) -> Body { limits.bucket == nil ? body : body.through(pacing) }

    /// Bytes that come at the rate of the backend, and are counted.
    package func receiving(_ stream: any ByteStream) -> any ByteStream {
        passing(stream) { [meter] count in meter.add { $0.bytesRead += count } }
    }

    private func passing(_ stream: any ByteStream, _ note: @escaping @Sendable (UInt64) -> Void) -> any ByteStream {
        Pulled {
            let cursor = StreamCursor(pacing(stream))
            return { () async throws(StorageError) in
                let chunk = try await cursor.next()
                if let chunk { note(UInt64(chunk.count)) }
                return chunk
            }
        }
    }

    // MARK: Places and tries

    /// The limits within which this task makes a request already: those of a backend, and of one that is read for it.
    @TaskLocal private static var insides: [CallLimits] = []

    /// When the gate was asked about the change that this task makes.
    @TaskLocal private static var admittedAt: Duration?

    /// Whether this task makes a request to this backend already.
    private var isInside: Bool { Self.insides.contains { $0 === limits } }

    /// Waits until the service wants to be asked, and for a place.
    private func place() async throws(StorageError) -> Permits.Permit {
        while true {
            try StorageError.checkCancellation()
            let permit = try await (Self.insides.isEmpty ? limits.permits : limits.innerPermits).take()
            guard let rest = limits.pause.rest(at: timing.uptime()) else { return permit }
            permit.give()
            guard rest <= Self.longestWait else {
                throw StorageError(
                    .rateLimited,
                    "The service wants to be asked nothing for \(rest.components.seconds) s.",
                    retry: .after(rest)
                )
            }
            try await timing.pause(rest)
        }
    }

    /// Makes a request that has its place: asks the gate last of all, so that what was admitted is sent at once.
    private func send<Value>(
        _ change: Change?,
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let start = timing.uptime()
        if let change { try await asker.gate.admit(change) }
        do throws(StorageError) {
            return try await inside(work, admittedAt: change == nil ? Self.admittedAt : start)
        } catch {
            meter.add { $0.failures += 1 }
            if case .after(let asked) = error.retry {
                limits.pause.extend(until: timing.uptime() + min(asked, Self.longestPause))
            }
            throw error
        }
    }

    private func inside<Value>(
        _ work: () async throws(StorageError) -> Value,
        admittedAt: Duration?
    ) async throws(StorageError) -> Value {
        let result = await Self.$insides.withValue(Self.insides + [limits]) { () async in
            await Self.$admittedAt.withValue(admittedAt) { () async in await outcome(of: work) }
        }
        return try result.get()
    }

    /// Does `work` until it succeeds, cannot succeed, or has been tried often enough; `mayRepeat` is asked after a
    /// failure.
    ///
    /// Exponential backoff with full jitter, and what the service asked for. That a first try may have been made all
    /// the same is not forgotten when a later one fails otherwise.
    package func repeating<Value>(
        mayRepeat: () -> Bool = { true },
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        var tries = 0
        var waited = Duration.zero
        var mayHaveHappened = false
        var last: StorageError?
        while true {
            do throws(StorageError) {
                try StorageError.checkCancellation()
                return try await work()
            } catch {
                mayHaveHappened = mayHaveHappened || error.mayHaveHappened
                var error = mayHaveHappened ? error.ofUnknownOutcome : error
                // It is late because of what was said before.
                if error.code == .late, let last { error = error.after(last) }
                last = error
                guard error.retry != .never, tries < retries, mayRepeat() else { throw error }
                let wait = wait(for: error.retry, after: tries)
                // Nobody is asked sooner than they said, and whoever says an hour is asked by the next sync.
                guard waited + wait <= Self.longestWait else { throw error }
                if error.code == .rateLimited { limits.pause.extend(until: timing.uptime() + wait) }
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

    /// A service that wants to be left alone for longer is asked again all the same.
    private static let longestPause = Duration.seconds(86_400)
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
