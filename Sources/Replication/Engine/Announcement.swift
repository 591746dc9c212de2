internal import POSIX
internal import Storage

/// When this home last announced on a backend that it removes content, and looked who else is there.
///
/// Others believe such an announcement for a day. Whoever was stopped in between, or whose machine slept, looks again
/// before anything more is removed: homes that came meanwhile took it for nobody's.
package final class Announcement: Sendable {
    private let last = Locked<(wall: Int64, running: Int64)?>(nil)

    package init() {}

    /// It was made just now; `wall` is the time on the wall in milliseconds.
    func renew(_ wall: Int64) { last.change { $0 = (wall, runningMilliseconds()) } }

    /// Whether it was made less than so many milliseconds ago, by the clock on the wall and by the one that nobody
    /// sets; also where none is needed.
    func isFresh(_ wall: Int64, within time: Int64 = freshness) -> Bool {
        guard let last = last.read({ $0 }) else { return true }
        return (0..<time).contains(wall - last.wall) && runningMilliseconds() - last.running < time
    }

    /// So long an announcement is relied upon, in milliseconds.
    static let freshness: Int64 = 30 * 60_000
}
