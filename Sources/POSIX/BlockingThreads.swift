internal import Glibc
internal import Synchronization

/// A few threads for calls that block: files, databases, waiting for a lock.
///
/// The task pool has as many threads as cores; a blocking call there would stop unrelated work.
package final class BlockingThreads: Sendable {
    /// The threads that the whole process shares.
    package static let shared = BlockingThreads(count: 6)
    /// Those on which whole operations run: they look at small files and compute there.
    ///
    /// What may wait for long, such as for the lock of another process, is run on other threads: these go on with what
    /// comes from the network meanwhile.
    package static let operating = BlockingThreads(count: 6)
    /// Those that compute beside the thread that waits for them: one for each other processor.
    package static let computing = BlockingThreads(count: processorCount - 1)
    /// Those that wait for the disk at the same time, so that one commit of it is that of many files.
    package static let flushing = BlockingThreads(count: 31)

    private static let places = Mutex<[String: BlockingThreads]>([:])

    /// Those for the files of one place, which may hang, such as a mount whose server is gone: what waits for it keeps
    /// nobody else waiting.
    package static func of(_ place: String) -> BlockingThreads {
        places.withLock { places in
            let threads = places[place] ?? BlockingThreads(count: shared.limit)
            places[place] = threads
            return threads
        }
    }

    private struct Queue {
        /// What is to be run; a job that was taken leaves nil, for what it holds must not outlive it.
        var jobs: [(@Sendable () -> Void)?] = []
        var head = 0
        /// What wakes each of the threads that wait; the one that has waited for the shortest time is the last.
        var idle: [Condition] = []
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

    let limit: Int
    private let queue = Mutex(Queue())

    /// Threads are started when there is work for them, up to `count`.
    package init(count: Int) {
        limit = count
    }

    /// Runs `work` on one of the threads and returns what it returned; a task that runs on them stays where it is.
    package func run<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        if unsafe withUnsafeCurrentTask(body: { unsafe $0?.unownedTaskExecutor == asUnownedTaskExecutor() }) {
            return try work()
        }
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

    /// Runs `job` on one of the threads when its turn comes.
    package func submit(_ job: @escaping @Sendable () -> Void) {
        let (bell, start) = queue.withLock { queue -> (Condition?, Bool) in
            queue.jobs.append(job)
            // One job wakes one thread, and the one whose memory is the warmest.
            if let bell = queue.idle.popLast() { return (bell, false) }
            guard queue.started < limit else { return (nil, false) }
            queue.started += 1
            return (nil, true)
        }
        bell?.signal()
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
    }

    private func startThread() -> Bool {
        startDetachedThread { [self] in
            let bell = Condition()
            while true { next(bell)() }
        }
    }

    private func next(_ bell: Condition) -> @Sendable () -> Void {
        while true {
            let seen = bell.generation()
            let job = queue.withLock { queue in
                let job = queue.take()
                if job == nil { queue.idle.append(bell) }
                return job
            }
            if let job { return job }
            bell.wait(past: seen)
        }
    }
}

/// Tasks may run on the threads as a whole: what blocks in them needs no change of threads then.
extension BlockingThreads: TaskExecutor {
    /// Runs a part of a task on one of the threads.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        submit { [self] in unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
