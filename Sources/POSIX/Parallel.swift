internal import Glibc
internal import Synchronization

/// How many processors there are to run on.
package let processorCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

/// Runs `body` with every number from 0 up to `count`, here and on threads of their own, and waits until all are done.
///
/// For a thread that may block; tasks have their own ways. Where others use the threads, or the system refuses them,
/// fewer work on it.
package func inParallel(
    _ count: Int,
    on threads: BlockingThreads = .computing,
    _ body: @escaping @Sendable (Int) -> Void
) {
    let work = ParallelWork(count: count, body)
    for _ in 1..<max(1, min(threads.limit + 1, count)) { threads.submit { work.run() } }
    work.run()
    work.wait()
}

/// Numbers that several threads take one after another.
private final class ParallelWork: Sendable {
    private let count: Int
    /// Nothing when all is done: a job that no thread has taken yet keeps nothing open.
    private let body: Mutex<(@Sendable (Int) -> Void)?>
    private let next = Atomic(0)
    private let done = Atomic(0)
    private let changed = Condition()

    init(count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        self.count = count
        self.body = Mutex(body)
    }

    func run() {
        guard let body = body.withLock({ $0 }) else { return }
        while true {
            let number = next.add(1, ordering: .relaxed).oldValue
            guard number < count else { return }
            body(number)
            if done.add(1, ordering: .acquiringAndReleasing).newValue == count { changed.signal() }
        }
    }

    func wait() {
        while true {
            let seen = changed.generation()
            if done.load(ordering: .acquiring) == count { return body.withLock { $0 = nil } }
            changed.wait(past: seen)
        }
    }
}
