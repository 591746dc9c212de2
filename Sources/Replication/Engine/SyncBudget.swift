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

    /// Takes room for a CAR; false where there is none for it.
    ///
    /// A smaller one that comes later may find some.
    func take(_ length: UInt64) -> Bool {
        guard let most else { return true }
        return state.change { state in
            guard state.taken.plus(length) <= most else {
                // Where nothing is left at all, nobody needs to pack any more.
                if state.taken >= most { state.isSpent = true }
                return false
            }
            state.taken += length
            if state.taken >= most { state.isSpent = true }
            return true
        }
    }
}
