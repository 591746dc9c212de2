internal import Schema
package import Storage

/// How much a sync may send to all backends together, and how long it may begin new work.
///
/// What was begun is brought to its end: a sync that stops for this stops in order, and leaves its snapshot.
package final class SyncBudget: Sendable {
    /// What ends a sync, as whoever set it knows it.
    package enum Bound: Sendable, Hashable, CustomStringConvertible {
        case bytes(UInt64)
        case seconds(Int64)

        /// The input that sets it, and the value.
        package var input: String {
            switch self {
            case .bytes: "max_transfer"
            case .seconds: "max_duration"
            }
        }
        package var value: String {
            switch self {
            case .bytes(let count): String(count)
            case .seconds(let count): String(count)
            }
        }
        package var description: String {
            switch self {
            case .bytes(let count): "\(ByteCount(count)) to send"
            case .seconds(let count): "\(count) s"
            }
        }
    }

    private let most: UInt64?
    private let time: Int64?
    private let start: Duration
    private let timing: Timing
    private let state = Locked<(taken: UInt64, isSpent: Bool)>((0, false))

    /// At most so many bytes of CARs, and for so many seconds from now on; nil is no bound.
    package init(bytes: UInt64? = nil, seconds: Int64? = nil, timing: Timing) {
        most = bytes
        time = seconds
        self.timing = timing
        start = timing.uptime()
    }

    /// The bound that is reached, so that nothing more may be begun; nil where there is none.
    var reached: Bound? {
        if let most, state.read({ $0.isSpent }) || most == 0 { return .bytes(most) }
        if let time, timing.uptime() - start >= .seconds(time) { return .seconds(time) }
        return nil
    }

    /// What came of asking for room.
    enum Answer: Sendable {
        case taken
        /// There is room for it in another sync.
        case full
        /// There is none in any sync of this bound.
        case tooLong(most: UInt64)
    }

    /// Takes room for a CAR.
    ///
    /// Where one finds none, nothing more is begun: the others would be packed for nothing.
    func take(_ length: UInt64) -> Answer {
        guard let most else { return .taken }
        guard length <= most else { return .tooLong(most: most) }
        return state.change { state in
            guard state.taken.plus(length) <= most else {
                state.isSpent = true
                return .full
            }
            state.taken += length
            state.isSpent = state.isSpent || state.taken == most
            return .taken
        }
    }
}
