internal import Glibc
internal import Synchronization

/// A few threads for calls that block: files, databases, waiting for a lock.
///
/// The task pool has as many threads as cores; a blocking call there would stop unrelated work.
package final class BlockingThreads: Sendable {
    /// The threads that the whole process shares.
    package static let shared = BlockingThreads(count: 6)

    private struct Queue {
        /// What is to be run; a job that was taken leaves nil, for what it holds must not outlive it.
        var jobs: [(@Sendable () -> Void)?] = []
        var head = 0
        var idle = 0
        var started = 0

        /// Takes the job that waits longest.
        mutating func take() -> (@Sendable () -> Void)? {
            guard head < jobs.count else { return nil }
            let job = jobs[head].take()
            head += 1
            if head > 64, head * 2 > jobs.count {
                jobs.removeFirst(head)
                head = 0
            }
            return job
        }
    }

    private let limit: Int
    private let queue = Mutex(Queue())
    private let wakeUp: Condition

    /// Threads are started when there is work for them, up to `count`.
    package init(count: Int) {
        limit = count
        wakeUp = Condition()
    }

    /// Runs `work` on one of the threads and returns what it returned.
    package func run<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            submit {
                do throws(Failure) {
                    continuation.resume(returning: .success(try work()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    private func submit(_ job: @escaping @Sendable () -> Void) {
        let start = queue.withLock { queue in
            queue.jobs.append(job)
            guard queue.idle < queue.jobs.count - queue.head, queue.started < limit else { return false }
            queue.started += 1
            return true
        }
        if start, !startThread() {
            // Those that are there take the job. Where there are none, all that wait are run here: late is better than
            // never.
            let jobs = queue.withLock { queue in
                queue.started -= 1
                var jobs: [@Sendable () -> Void] = []
                while queue.started == 0, let job = queue.take() { jobs.append(job) }
                return jobs
            }
            for job in jobs { job() }
        }
        wakeUp.signal()
    }

    private func startThread() -> Bool {
        startDetachedThread { [self] in
            while true { next()() }
        }
    }

    private func next() -> @Sendable () -> Void {
        while true {
            let seen = wakeUp.generation()
            let job = queue.withLock { queue in
                let job = queue.take()
                if job == nil { queue.idle += 1 }
                return job
            }
            if let job { return job }
            wakeUp.wait(past: seen)
            queue.withLock { $0.idle -= 1 }
        }
    }
}
