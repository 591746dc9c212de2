internal import Storage

/// A repository in memory: what is stored or removed at the same time becomes one commit, and only commits are seen.
package final class CommitService: Sendable {
    private enum Change: Sendable {
        case put(ObjectName, Body)
        case delete(ObjectName)
    }

    private let memory: MemoryService
    private let refusals: Locked<Int>
    private let log = Locked<[Int]>([])
    private let group = Locked<GroupCommit<Change, PutReceipt>?>(nil)

    /// An empty repository, whose first `refusals` commits are refused, as where somebody else was faster.
    package init(_ memory: MemoryService, refusals: Int = 0) {
        self.memory = memory
        self.refusals = Locked(refusals)
        let group = GroupCommit(most: 100) { [weak self] changes in
            await self?.commit(changes) ?? changes.map { _ in .failure(.cancelled) }
        }
        self.group.change { $0 = group }
    }

    /// How many changes each commit has, in their order.
    package var commits: [Int] { log.read { $0 } }

    /// The repository as a service.
    package var service: AlteredService {
        AlteredService(memory) { altered in
            altered.onPut = { (name, body) async throws(StorageError) in try await self.join(.put(name, body)) }
            altered.onDelete = { (name) async throws(StorageError) in _ = try await self.join(.delete(name)) }
        }
    }

    private func join(_ change: Change) async throws(StorageError) -> PutReceipt {
        guard let group = group.read({ $0 }) else { throw .cancelled }
        return try await group.add(change)
    }

    private func commit(_ changes: [Change]) async -> [Result<PutReceipt, StorageError>] {
        let isRefused = refusals.change { left in
            defer { left = max(0, left - 1) }
            return left > 0
        }
        if isRefused {
            let error = StorageError(.unavailable, "The branch has moved.", retry: .later)
            return changes.map { _ in .failure(error) }
        }
        // A commit takes its time, and others come meanwhile.
        _ = try? await holds(within: .seconds(1)) { (group.read { $0?.waiting } ?? 0) + changes.count >= 8 }
        log.change { $0.append(changes.count) }
        var answers: [Result<PutReceipt, StorageError>] = []
        for change in changes {
            do throws(StorageError) {
                switch change {
                case .put(let name, let body): answers.append(.success(try await memory.put(name, body)))
                case .delete(let name):
                    try await memory.delete(name)
                    answers.append(.success(PutReceipt(proof: nil)))
                }
            } catch {
                answers.append(.failure(error))
            }
        }
        return answers
    }
}
