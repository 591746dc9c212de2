import Glibc
import Synchronization
import Testing

@testable import POSIX

/// Work that is done side by side and taken in order, on threads that may block.
@Suite struct InOrderTests {
    private struct Refused: Error, Equatable { let place: String }

    /// Numbers up to an end.
    private final class Numbers: Sendable {
        private let left: Mutex<Range<Int>>
        init(_ end: Int) { left = Mutex(0..<end) }
        func next() -> Int? { left.withLock { $0.popFirst() } }
    }

    /// Something that tasks wait for.
    private struct Bell: Sendable {
        private let ends = AsyncStream<Never>.makeStream()
        func ring() { ends.continuation.finish() }
        func wait() async { for await _ in ends.stream {} }
    }

    @Test func `what is ready early is taken in its turn`() async throws {
        let numbers = Numbers(1000)
        let bell = Bell()
        var taken: [Int] = []
        try await inOrder(next: numbers.next) { number in
            // The first is ready after the second.
            if number == 0 { await bell.wait() }
            if number == 1 { bell.ring() }
            return number * 2
        } take: {
            taken.append($0)
        }
        #expect(taken == (0..<1000).map { $0 * 2 })
    }

    @Test func `what nobody can begin yet is asked for again after something was taken`() async throws {
        var taken = 0
        var isWaiting = false
        try await inOrder { () -> Int? in
            defer { isWaiting = true }
            return taken == 50 || isWaiting ? nil : taken
        } work: {
            $0
        } take: { number in
            #expect(number == taken)
            taken += 1
            isWaiting = false
        }
        #expect(taken == 50)
    }

    @Test func `little is held, and two lanes are never at the desk`() async throws {
        let numbers = Numbers(2000)
        let visitors = Atomic(0)
        var held = 0
        var most = 0
        func visit(_ change: Int) {
            #expect(visitors.add(1, ordering: .relaxed).newValue == 1)
            held += change
            most = max(most, held)
            #expect(visitors.subtract(1, ordering: .relaxed).newValue == 0)
        }
        try await inOrder { () -> Int? in
            visit(1)
            return numbers.next()
        } work: {
            $0
        } take: { _ in
            visit(-1)
        }
        // Some lanes asked once more at the end and were given nothing.
        #expect(most <= 8)
    }

    @Test(arguments: ["next", "work", "take"]) func `the first error ends it all`(_ place: String) async {
        let numbers = Numbers(.max)
        let bell = Bell()
        var last = -1
        let error = await #expect(throws: Refused.self) {
            try await inOrder { () -> Int? in
                guard let number = numbers.next() else { return nil }
                if place == "next", number == 100 { throw Refused(place: place) }
                return number
            } work: { number in
                if place == "work", number == 100 { throw Refused(place: place) }
                // Whoever works on something that does not end is told to stop.
                if number > 100 { await bell.wait() }
                return number
            } take: { number in
                if place == "take", number == 100 { throw Refused(place: place) }
                last = number
            }
        }
        #expect(error?.place == place)
        #expect(last <= 99)
    }

    @Test func `whoever is told to stop has not done it all`() async {
        let begun = Bell()
        let task = Task {
            let numbers = Numbers(3)
            try await inOrder(next: numbers.next) { number in
                begun.ring()
                // Each waits for one of its own: a stream ends for all who wait at it as soon as one of them is
                // cancelled, while the others are not yet.
                await Bell().wait()
                return number
            } take: { _ in
                Issue.record("What was stopped was taken.")
            }
        }
        await begun.wait()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `what blocks in a lane runs on its own thread`() async throws {
        let numbers = Numbers(100)
        try await inOrder(next: numbers.next) { number in
            let before = pthread_self()
            let inside = await BlockingThreads.shared.run { pthread_self() }
            #expect(before == inside)
            return number
        } take: { _ in
        }
    }

    @Test func `each of many jobs is run once, whoever waits`() async {
        let threads = BlockingThreads(count: 3)
        let sum = await withTaskGroup { group in
            for number in 0..<5000 { group.addTask { await threads.run { number } } }
            return await group.reduce(0, +)
        }
        #expect(sum == 5000 * 4999 / 2)
        #expect(await threads.run { 1 } == 1)
    }
}
