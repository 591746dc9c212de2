package import Storage

/// A repository in memory: what is stored or removed at the same time becomes one commit, and only commits are seen.
package final class CommitService: StorageService {
    private enum Change: Sendable {
        case put(ObjectName, Body)
        case delete(ObjectName)
    }

    private let memory: MemoryService
    private let refusals: Locked<Int>
    private let log = Locked<[Int]>([])
    private let group: Locked<GroupCommit<Change, PutReceipt>?>

    /// An empty repository, whose first `refusals` commits are refused, as where somebody else was faster.
    package init(_ memory: MemoryService, refusals: Int = 0) {
        self.memory = memory
        self.refusals = Locked(refusals)
        group = Locked(nil)
        group.change { [weak self] in
            $0 = GroupCommit(most: 100) { changes in
                await self?.commit(changes) ?? changes.map { _ in .failure(.cancelled) }
            }
        }
    }

    /// How many changes each commit has, in their order.
    package var commits: [Int] { log.read { $0 } }

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

    private func join(_ change: Change) async throws(StorageError) -> PutReceipt {
        guard let group = group.read({ $0 }) else { throw .cancelled }
        return try await group.add(change)
    }

    package var capabilities: Capabilities { memory.capabilities }
    package var limits: Limits { memory.limits }

    package func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        try await join(.put(name, body))
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        try await memory.get(name, range, version: version)
    }

    package func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo { try await memory.stat(name) }

    package func list(_ prefix: String) -> any ObjectStream { memory.list(prefix) }

    package func delete(_ name: ObjectName) async throws(StorageError) { _ = try await join(.delete(name)) }

    package func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await memory.clear(name, mayResume: mayResume)
    }

    package func usage() async throws(StorageError) -> Usage { try await memory.usage() }
}
