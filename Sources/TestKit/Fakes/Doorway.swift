internal import Storage

/// A door that calls wait before until a test opens it; afterwards it stays open.
package final class Doorway: Sendable {
    private let waiting: AsyncStream<Void>
    private let arrival: AsyncStream<Void>.Continuation
    private let opened = Locked(false)
    private let waiters = Locked<[AsyncStream<Void>.Continuation]>([])
    private let count = Locked(0)

    package init() { (waiting, arrival) = AsyncStream.makeStream(of: Void.self) }

    /// How many have come to the door.
    package var passed: Int { count.read { $0 } }

    /// Waits until the door is open.
    package func pass() async {
        count.change { $0 += 1 }
        let (stream, end) = AsyncStream.makeStream(of: Void.self)
        waiters.change { $0.append(end) }
        if opened.read({ $0 }) { end.finish() }
        arrival.yield()
        for await _ in stream {}
    }

    /// Waits until somebody has come to the door.
    package func arrived() async { for await _ in waiting { return } }

    /// Opens the door.
    package func open() {
        opened.change { $0 = true }
        waiters.read { $0 }.forEach { $0.finish() }
    }
}
