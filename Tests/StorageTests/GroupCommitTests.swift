import Storage
import TestKit
import Testing

/// What comes at the same time is done together, and each is answered for itself.
struct GroupCommitTests {
    /// Work that waits until it is let go, and writes down its groups.
    private final class Work: Sendable {
        let groups = Locked<[[Int]]>([])
        let gate: AsyncStream<Void>
        let open: AsyncStream<Void>.Continuation

        init() { (gate, open) = AsyncStream.makeStream() }

        func run(_ items: [Int]) async -> [Result<Int, StorageError>] {
            groups.change { $0.append(items) }
            var waiting = gate.makeAsyncIterator()
            await waiting.next()
            return items.map { $0 == 13 ? .failure(StorageError(.corrupt, "13.")) : .success($0 * 2) }
        }
    }

    private func group(_ work: Work, most: Int) -> GroupCommit<Int, Int> {
        GroupCommit(most: most) { await work.run($0) }
    }

    @Test func whoComesMeanwhileGoesTogether() async throws {
        let work = Work()
        let group = group(work, most: 3)
        try await withThrowingTaskGroup(of: (Int, Int?).self) { tasks in
            tasks.addTask { (1, try await group.add(1)) }
            #expect(try await holds { work.groups.read { $0.count } == 1 })
            for number in [2, 13, 4, 5] { tasks.addTask { (number, try? await group.add(number)) } }
            #expect(try await holds { group.waiting == 4 })
            for _ in 0..<3 { work.open.yield() }
            for try await (number, answer) in tasks { #expect(answer == (number == 13 ? nil : number * 2)) }
        }
        #expect(work.groups.read { $0.map(\.count) } == [1, 3, 1])
        #expect(Set(work.groups.read { $0.joined() }) == [1, 2, 13, 4, 5])
    }

    /// Who is told to stop before his group began leaves it; who is in one that has begun gets its answer.
    @Test func whoIsStoppedLeavesTheLine() async throws {
        let work = Work()
        let group = group(work, most: 8)
        let first = Task { try await group.add(1) }
        #expect(try await holds { work.groups.read { $0.count } == 1 })
        let second = Task { try await group.add(2) }
        #expect(try await holds { group.waiting == 1 })
        second.cancel()
        let error = await #expect(throws: StorageError.self) { try await second.value }
        #expect(error?.code == .cancelled && group.waiting == 0)
        first.cancel()
        work.open.yield()
        #expect(try await first.value == 2)
        #expect(work.groups.read { $0 } == [[1]])
    }
}
