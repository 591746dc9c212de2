import POSIX
import Synchronization
import Testing

/// Work that is handed on from thread to thread.
struct RelayTests {
    private struct Failure: Error {}

    @Test func `each worker gets every item in order, and all have worked when it is over`() throws {
        let first = Mutex<[Int]>([])
        let second = Mutex<[Int]>([])
        try relaying(to: [
            { @Sendable item in first.withLock { $0.append(item) } },
            { @Sendable item in second.withLock { $0.append(item) } },
        ]) { pass in
            for item in 0..<1000 { try pass(item) }
        }
        #expect(first.withLock { $0 } == Array(0..<1000) && second.withLock { $0 } == Array(0..<1000))
    }

    @Test func `what a worker fails with ends it all`() throws {
        let worked = Mutex(0)
        #expect(throws: Failure.self) {
            try relaying(to: [
                { @Sendable (item: Int) in
                    worked.withLock { $0 += 1 }
                    if item == 3 { throw Failure() }
                }
            ]) { pass in
                // It would not end without the failure.
                var item = 0
                while true {
                    try pass(item)
                    item += 1
                }
            }
        }
        #expect(worked.withLock { $0 } == 4)
    }

    @Test func `a failure with the last item is one too`() throws {
        #expect(throws: Failure.self) {
            try relaying(to: [{ @Sendable (_: Int) in throw Failure() }]) { pass in try pass(1) }
        }
    }

    @Test func `who makes the items may fail, and nothing is left at work`() throws {
        let worked = Mutex(0)
        #expect(throws: Failure.self) {
            try relaying(to: [{ @Sendable (_: Int) in worked.withLock { $0 += 1 } }]) { pass in
                try pass(1)
                throw Failure()
            }
        }
        #expect(worked.withLock { $0 } <= 1)
    }
}
