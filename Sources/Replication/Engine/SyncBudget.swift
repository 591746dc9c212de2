internal import Schema
package import Storage

/// How much a sync may send to all backends together, and how long it may begin new work.
///
/// What was begun is brought to its end: a sync that stops for this stops in order, and leaves its snapshot.
package final class SyncBudget: Sendable {
    private let most: UInt64?
    private let end: Duration?
    private let timing: Timing
    private let state = Locked<(taken: UInt64, isSpent: Bool)>((0, false))

    /// At most so many bytes of CARs, and for so long from now on; nil is no bound.
    package init(bytes: UInt64? = nil, time: Duration? = nil, timing: Timing) {
        most = bytes
        self.timing = timing
        end = time.map { timing.uptime() + $0 }
    }

    /// Whether nothing more may be begun.
    var isOver: Bool { state.read { $0.isSpent } || end.map { timing.uptime() >= $0 } ?? false }

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
