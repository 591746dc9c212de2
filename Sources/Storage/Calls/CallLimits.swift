internal import Schema

/// What all calls to a backend share, whoever makes them: how many at once, and how many bytes a second.
package final class CallLimits: Sendable {
    let permits: Permits
    /// As many for what is read inside a request to another backend: of two that wait for each other's places, neither
    /// would get one.
    let innerPermits: Permits
    /// Both directions together; nil is no limit.
    let bucket: TokenBucket?
    let pause: CallPause

    /// Limits as the settings say; `pause` is shared by all backends that use the same credential.
    package init(_ operational: OperationalSettings, timing: Timing, pause: CallPause) {
        permits = Permits(operational.maxConnections)
        innerPermits = Permits(operational.maxConnections)
        let rate = operational.bandwidthLimit.bytes
        bucket = rate > 0 ? TokenBucket(bytesPerSecond: rate, timing: timing) : nil
        self.pause = pause
    }
}

/// Until when a service wants to be asked nothing with a credential.
package final class CallPause: Sendable {
    /// A moment on the clock that nobody sets.
    private let end = Locked<Duration?>(nil)

    package init() {}

    /// How long it is still; nil where anybody may ask.
    func rest(at now: Duration) -> Duration? { end.read { $0 }.flatMap { $0 > now ? $0 - now : nil } }

    /// Lets nobody ask before a moment.
    func extend(until moment: Duration) { end.change { $0 = max($0 ?? moment, moment) } }
}

/// The limits of all backends that a process has open.
package final class CallLimitsRegistry: Sendable {
    private struct Key: Hashable {
        let backend: String
        let connections: Int
        let rate: UInt64
    }

    private struct State {
        var limits: [Key: CallLimits] = [:]
        var pauses: [String: CallPause] = [:]
    }

    private let state = Locked(State())

    package init() {}

    /// The limits of a backend that is asked with a credential, by whatever names the two are told from others.
    package func limits(
        of backend: String,
        credential: String,
        _ operational: OperationalSettings,
        timing: Timing
    ) -> CallLimits {
        let key = Key(
            backend: "\(backend) \(credential)",
            connections: operational.maxConnections,
            rate: operational.bandwidthLimit.bytes
        )
        return state.change { state in
            if let known = state.limits[key] { return known }
            let pause = state.pauses[credential] ?? CallPause()
            state.pauses[credential] = pause
            let limits = CallLimits(operational, timing: timing, pause: pause)
            state.limits[key] = limits
            return limits
        }
    }
}
