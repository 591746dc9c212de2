internal import Synchronization

/// Runs `work` on items as they come, some of them at once, and hands what came out to `take` in their order.
///
/// Each of a few lanes begins an item, works on it, waits for its turn, hands it over and begins the next one, all on
/// one thread that may block: what was made is taken while it is near the processor, and nobody has to be woken for
/// it. `next` gives nil where there is nothing to begin; it is asked again after something was taken, and all is done
/// when nothing is left to take. It and `take` are never called at the same time. The first error of any of the three
/// ends it all. `lanes` says how many there are where `work` waits rather than computes.
package func inOrder<Item: Sendable, Value: Sendable>(
    lanes count: Int? = nil,
    next: @escaping () async throws -> Item?,
    work: @escaping @Sendable (Item) async throws -> Value,
    take: @escaping (Value) async throws -> Void
) async throws {
    let lanes = Lanes(next: next, work: work, take: take)
    await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<(count ?? laneCount) {
            group.addTask(executorPreference: BlockingThreads.shared) { await lanes.run() }
        }
        for await isWhole in group where !isWhole { group.cancelAll() }
    }
    try lanes.check()
}

/// How many items are worked on at once: one for each processor, for more would only take turns there; and no more than
/// one that writes can keep up with.
private let laneCount = min(max(2, processorCount), 4)

/// What the lanes of one call share.
///
/// Unchecked, for the two functions that may not be called by two threads at once are called by the lane that has the
/// desk, and there is one desk.
@safe
private final class Lanes<Item: Sendable, Value: Sendable>: @unchecked Sendable {
    private struct Desk: Sendable {
        /// How many items were begun, and how many of them were taken.
        var begun = 0
        var taken = 0
        /// Whether a lane has the desk.
        var isHeld = false
        /// Whether there may be something to begin.
        var mayBegin = true
        /// What ended it all, if anything did.
        var failure: (any Error)?
        /// Lanes that wait for the turn of their item, by its number, and lanes that wait for an item.
        var withItems: [Int: CheckedContinuation<Bool, Never>] = [:]
        var without: [CheckedContinuation<Bool, Never>] = []

        /// Whether nothing is left to be done.
        var isOver: Bool { failure != nil || !mayBegin && begun == taken }

        /// Takes the desk for a lane whose item has the turn, or that has none, or notes that it waits; nil where it
        /// does.
        mutating func enter(_ number: Int?, _ lane: CheckedContinuation<Bool, Never>?) -> Bool? {
            if isOver { return false }
            if !isHeld, number.map({ $0 == taken }) ?? mayBegin {
                isHeld = true
                return true
            }
            guard let lane else { return nil }
            if let number { withItems[number] = lane } else { without.append(lane) }
            return nil
        }

        /// Leaves the desk, and gives whom to wake, and whether with the desk.
        mutating func leave() -> (lanes: [CheckedContinuation<Bool, Never>], haveDesk: Bool) {
            isHeld = false
            guard !isOver else {
                defer { (withItems, without) = ([:], []) }
                return (withItems.values + without, false)
            }
            let lane = withItems.removeValue(forKey: taken) ?? (mayBegin ? without.popLast() : nil)
            isHeld = lane != nil
            return (lane.map { [$0] } ?? [], true)
        }
    }

    private let next: () async throws -> Item?
    private let work: @Sendable (Item) async throws -> Value
    private let take: (Value) async throws -> Void
    private let desk = Mutex(Desk())

    init(
        next: @escaping () async throws -> Item?,
        work: @escaping @Sendable (Item) async throws -> Value,
        take: @escaping (Value) async throws -> Void
    ) {
        (self.next, self.work, self.take) = (next, work, take)
    }

    /// Works on one item after another; false where something ended it all before its time.
    func run() async -> Bool {
        do {
            var value: Value?
            var number: Int?
            while await enter(number) {
                try Task.checkCancellation()
                if let value { try await take(value) }
                let item = try await next()
                let begun = leave(havingTaken: number != nil, isBegun: item != nil)
                (number, value) = (nil, nil)
                guard let item else { continue }
                value = try await work(item)
                number = begun
            }
            return desk.withLock { $0.failure == nil }
        } catch {
            fail(error)
            return false
        }
    }

    /// Throws what ended it all before its time.
    func check() throws { if let failure = desk.withLock({ $0.failure }) { throw failure } }

    /// Leaves the desk, and gives the number of the item that was begun there.
    private func leave(havingTaken: Bool, isBegun: Bool) -> Int {
        let (number, woken) = desk.withLock { desk in
            if havingTaken { desk.taken += 1 }
            desk.mayBegin = isBegun
            if isBegun { desk.begun += 1 }
            return (desk.begun - 1, desk.leave())
        }
        for lane in woken.lanes { lane.resume(returning: woken.haveDesk) }
        return number
    }

    /// Waits for the desk; false where it is over.
    private func enter(_ number: Int?) async -> Bool {
        if let answer = desk.withLock({ $0.enter(number, nil) }) { return answer }
        return await withCheckedContinuation { lane in
            if let answer = desk.withLock({ $0.enter(number, lane) }) { lane.resume(returning: answer) }
        }
    }

    private func fail(_ error: any Error) {
        let woken = desk.withLock { desk in
            desk.failure = desk.failure ?? error
            return desk.leave()
        }
        for lane in woken.lanes { lane.resume(returning: false) }
    }
}
