internal import Synchronization

/// Calls `make` here, and passes every item that it makes to each of `workers`, in order and while the next is made.
///
/// For threads that may block: each worker has one of its own, or none where the system refuses it. At most two items
/// wait for one. The first error of any of them ends it all, and all have ended when this returns.
package func relaying<Item: Sendable>(
    to workers: [@Sendable (Item) throws -> Void],
    _ make: (_ pass: (Item) throws -> Void) throws -> Void
) throws {
    let lanes = workers.map { RelayLane($0) }
    do {
        try make { item in for lane in lanes { try lane.pass(item) } }
        for lane in lanes { lane.close(isWhole: true) }
    } catch {
        for lane in lanes { lane.close(isWhole: false) }
        for lane in lanes { lane.wait() }
        throw error
    }
    for lane in lanes { lane.wait() }
    for lane in lanes { try lane.check() }
}

/// One worker of a relay, and what waits for it.
private final class RelayLane<Item: Sendable>: Sendable {
    private struct State {
        /// Whether there is a thread for it; otherwise whoever passes an item does the work.
        var hasThread = true
        var waiting: [Item] = []
        /// Whether nothing more comes.
        var isClosed = false
        /// Whether the worker has ended.
        var isOver = false
        var failure: (any Error)?
    }

    private let work: @Sendable (Item) throws -> Void
    private let state = Mutex(State())
    private let moved = Condition()

    private static var maxWaiting: Int { 2 }

    init(_ work: @escaping @Sendable (Item) throws -> Void) {
        self.work = work
        guard !startDetachedThread({ [self] in run() }) else { return }
        state.withLock { $0.hasThread = false }
    }

    /// Hands an item over as soon as there is room for it; throws what the worker failed with.
    func pass(_ item: Item) throws {
        guard state.withLock({ $0.hasThread }) else { return try work(item) }
        while true {
            let seen = moved.generation()
            let isTaken = try state.withLock { state in
                if let failure = state.failure { throw failure }
                guard state.waiting.count < Self.maxWaiting else { return false }
                state.waiting.append(item)
                return true
            }
            if isTaken { return moved.signal() }
            moved.wait(past: seen)
        }
    }

    /// Says that nothing more comes, and that what waits is wanted no more unless it is whole.
    func close(isWhole: Bool) {
        state.withLock { state in
            state.isClosed = true
            if !isWhole { state.waiting = [] }
        }
        moved.signal()
    }

    /// Waits until the worker has ended.
    func wait() {
        guard state.withLock({ $0.hasThread }) else { return }
        while true {
            let seen = moved.generation()
            if state.withLock({ $0.isOver }) { return }
            moved.wait(past: seen)
        }
    }

    /// Throws what the worker failed with.
    func check() throws { if let failure = state.withLock({ $0.failure }) { throw failure } }

    private func run() {
        while true {
            let seen = moved.generation()
            let (item, isLast) = state.withLock { state in
                (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), state.isClosed)
            }
            if let item {
                // There is room for another one.
                moved.signal()
                do { try work(item) } catch { fail(error) }
            } else if isLast {
                state.withLock { $0.isOver = true }
                return moved.signal()
            } else {
                moved.wait(past: seen)
            }
        }
    }

    private func fail(_ error: any Error) {
        state.withLock { state in
            state.failure = state.failure ?? error
            state.waiting = []
        }
        moved.signal()
    }
}
