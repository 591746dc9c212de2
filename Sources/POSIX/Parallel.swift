internal import Glibc
internal import Synchronization

/// How many processors there are to run on.
package let processorCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

/// Runs `body` with every number from 0 up to `count`, on as many threads as there are cores, or as are named, and
/// waits until all are done.
///
/// For a thread that may block; tasks have their own ways. Where the system refuses threads, there are fewer.
package func inParallel(_ count: Int, threads: Int? = nil, _ body: @escaping @Sendable (Int) -> Void) {
    let work = ParallelWork(count: count, body)
    for _ in 1..<max(1, min(threads ?? processorCount, count)) { _ = startDetachedThread { work.run() } }
    work.run()
    work.wait()
}

/// Numbers that several threads take one after another.
private final class ParallelWork: Sendable {
    private let count: Int
    private let body: @Sendable (Int) -> Void
    private let next = Atomic(0)
    private let done = Atomic(0)
    private let changed = Condition()

    init(count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.count = count
        self.body = body
    }

    func run() {
        while true {
            let number = next.add(1, ordering: .relaxed).oldValue
            guard number < count else { return }
            body(number)
            done.add(1, ordering: .acquiringAndReleasing)
            changed.signal()
        }
    }

    func wait() {
        while true {
            let seen = changed.generation()
            if done.load(ordering: .acquiring) == count { return }
            changed.wait(past: seen)
        }
    }
}
