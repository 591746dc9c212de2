internal import Storage

/// What a host is asked for: each takes another time.
enum GatewayPurpose: Sendable, Hashable {
    case car, block, presence
}

/// How a host was lately: what it failed at, for how long it is passed over, and how long it took.
final class GatewayHealth: Sendable {
    /// Whether a host is asked.
    enum Standing: Sendable {
        case ready
        /// It failed, and is asked after all others.
        case failed(until: Duration)
        /// It wants to be left alone.
        case resting(until: Duration, StorageError)
    }

    private struct State {
        /// How often it failed since it answered last.
        var failures = 0
        var standing = Standing.ready
        var times: [GatewayPurpose: [Duration]] = [:]
        var refusesCARs = false
        var isProven = false
    }

    private let timing: Timing
    private let state = Locked(State())

    init(_ timing: Timing) { self.timing = timing }

    /// A host that failed is passed over so long, and twice as long each time that it fails again.
    private static let shortestRest = Duration.seconds(30)
    private static let longestRest = Duration.seconds(600)
    /// So many times are kept of each purpose.
    private static let remembered = 64
    /// Of fewer times nobody knows what is usual.
    private static let fewest = 8
    /// How long one is waited for of whom nothing is known.
    private static let unknownTime = Duration.seconds(3)
    private static let usualTimes = Duration.milliseconds(50)...Duration.seconds(15)

    var standing: Standing {
        let now = timing.uptime()
        return state.read { state in
            switch state.standing {
            case .failed(let end) where now >= end, .resting(let end, _) where now >= end: .ready
            case let standing: standing
            }
        }
    }

    /// Whether it said that it gives no CARs.
    var refusesCARs: Bool { state.read { $0.refusesCARs } }

    /// Whether it gave something that only a gateway gives.
    var isProven: Bool { state.read { $0.isProven } }

    /// How long it takes at most in 95 of 100 cases: who waits longer asks another one, too.
    func usualTime(for purpose: GatewayPurpose) -> Duration {
        let times = state.read { $0.times[purpose] ?? [] }.sorted()
        guard times.count >= Self.fewest else { return Self.unknownTime }
        let time = times[(times.count * 95 + 99) / 100 - 1]
        return min(max(time, Self.usualTimes.lowerBound), Self.usualTimes.upperBound)
    }

    /// Remembers that it gave something that only a gateway gives.
    func noteProof() { state.change { $0.isProven = true } }

    /// Remembers that it gave what it was asked for, after some time.
    func note(answerTo purpose: GatewayPurpose, after time: Duration) {
        state.change { state in
            (state.failures, state.standing, state.isProven) = (0, .ready, true)
            var times = state.times[purpose] ?? []
            times.append(time)
            state.times[purpose] = times.suffix(Self.remembered)
        }
    }

    /// Remembers what it said or did in place of giving that.
    ///
    /// That it has not, or does not give, what it was asked for is an answer; who gives something else is passed over
    /// for longest.
    func note(_ error: StorageError, of purpose: GatewayPurpose) {
        let now = timing.uptime()
        state.change { state in
            switch error.code {
            case .cancelled, .superseded, .late: break
            case .notFound, .permissionDenied, .tooLarge: state.failures = 0
            case .unsupported: state.refusesCARs = state.refusesCARs || purpose == .car
            case .corrupt: state.standing = .failed(until: now + Self.longestRest)
            default:
                if case .after(let wait) = error.retry {
                    state.standing = .resting(until: now + wait, error)
                } else if error.code == .rateLimited {
                    state.standing = .resting(until: now + Self.shortestRest, error)
                } else if !error.isBrokenPromise {
                    state.failures += 1
                    let rest = Self.shortestRest * (1 << min(state.failures - 1, 8))
                    state.standing = .failed(until: now + min(rest, Self.longestRest))
                }
            }
        }
    }
}
