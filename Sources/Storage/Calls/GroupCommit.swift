/// Joins what comes at the same time into one piece of work: while one group is at work, the next one gathers.
///
/// For services where many changes at once cost as much as one: a flush of a disk, a commit of a repository.
package final class GroupCommit<Item: Sendable, Value: Sendable>: Sendable {
    package typealias Answer = Result<Value, StorageError>

    private struct Waiting: Sendable {
        let number: Int
        let item: Item
        let continuation: CheckedContinuation<Answer, Never>
    }

    private struct State: Sendable {
        var waiting: [Waiting] = []
        var isAtWork = false
        var number = 0
        var cancelled: Set<Int> = []
    }

    private let most: Int
    private let work: @Sendable ([Item]) async -> [Answer]
    private let state = Locked(State())

    /// Groups of at most `most` items, which `work` answers one by one, in their order.
    package init(most: Int, _ work: @escaping @Sendable ([Item]) async -> [Answer]) {
        self.most = max(1, most)
        self.work = work
    }

    /// How many wait for their group to begin.
    package var waiting: Int { state.read { $0.waiting.count } }

    /// Does an item together with others; throws what `work` answers, and `cancelled` where the task was told to stop
    /// before its group began.
    package func add(_ item: Item) async throws(StorageError) -> Value {
        let number = state.change { state in
            state.number += 1
            return state.number
        }
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Answer, Never>) in
                let waiting = Waiting(number: number, item: item, continuation: continuation)
                let (isCancelled, isFirst) = state.change { state in
                    if state.cancelled.remove(number) != nil { return (true, false) }
                    state.waiting.append(waiting)
                    defer { state.isAtWork = true }
                    return (false, !state.isAtWork)
                }
                if isCancelled { continuation.resume(returning: .failure(.cancelled)) }
                // It ends when nobody waits any more: no task that is told to stop takes others with it, and it works
                // in the name of none of them.
                if isFirst { Task.detached { await self.workThrough() } }
            }
        } onCancel: {
            let waiter = state.change { state -> Waiting? in
                guard let index = state.waiting.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return nil
                }
                return state.waiting.remove(at: index)
            }
            waiter?.continuation.resume(returning: .failure(.cancelled))
        }
        state.change { _ = $0.cancelled.remove(number) }
        return try answer.get()
    }

    private func workThrough() async {
        while true {
            let group = state.change { state in
                let group = Array(state.waiting.prefix(most))
                state.waiting.removeFirst(group.count)
                state.isAtWork = !group.isEmpty
                return group
            }
            guard !group.isEmpty else { return }
            let answers = await work(group.map(\.item))
            for (index, waiting) in group.enumerated() {
                let lost = Answer.failure(StorageError(.unexpected, "A group of changes lost one of them."))
                waiting.continuation.resume(returning: index < answers.count ? answers[index] : lost)
            }
        }
    }
}
