internal import CPOSIX
internal import Glibc
internal import Synchronization

/// Waits for sockets on one thread, in the place of all who would block on them.
final class SocketWaits: Sendable {
    static let shared = SocketWaits()

    enum Wish: Sendable { case toReceive, toSend }
    enum Outcome: Sendable { case ready, timedOut, stopped }

    private struct Waiter {
        let descriptor: Int32
        let wish: Wish
        /// Until when, in milliseconds of the clock that nobody sets.
        let limit: Int64
        let continuation: CheckedContinuation<Outcome, Never>
    }

    private struct State {
        var waiters: [UInt64: Waiter] = [:]
        var next: UInt64 = 0
        /// Those who were told to stop before they waited.
        var stopped: Set<UInt64> = []
        /// What wakes the thread; nil as long as there is none.
        var bell: Pipe?
    }

    private let state = Mutex(State())

    private init() {}

    /// Waits until a socket can do what is wished, or has ended; the caller holds it open for as long.
    ///
    /// A stop of the task ends the wait, unless it is for what a stopped task has to finish.
    func wait(_ descriptor: Int32, _ wish: Wish, within limit: Duration, evenIfStopped: Bool = false) async -> Outcome {
        let key = state.withLock { state in
            state.next += 1
            return state.next
        }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let end = runningMilliseconds() + limit.wholeMilliseconds
                register(key, Waiter(descriptor: descriptor, wish: wish, limit: end, continuation: continuation))
            }
        } onCancel: {
            if !evenIfStopped { stop(key) }
        }
        state.withLock { _ = $0.stopped.remove(key) }
        return outcome
    }

    private func register(_ key: UInt64, _ waiter: Waiter) {
        let (bell, early) = state.withLock { state -> (Pipe?, Outcome?) in
            if state.stopped.contains(key) { return (nil, .stopped) }
            // Without a thread nobody would come: then it is as if nothing had.
            guard let bell = state.bell ?? start() else { return (nil, .timedOut) }
            state.bell = bell
            state.waiters[key] = waiter
            return (bell, nil)
        }
        if let early { waiter.continuation.resume(returning: early) }
        bell?.ring()
    }

    private func stop(_ key: UInt64) {
        let waiter = state.withLock { state in
            state.stopped.insert(key)
            return state.waiters.removeValue(forKey: key)
        }
        waiter?.continuation.resume(returning: .stopped)
    }

    /// Starts the thread; nil where the system refuses.
    private func start() -> Pipe? {
        guard let bell = try? Pipe(for: "the waits for sockets"), bell.doesNotBlock(),
            startDetachedThread({ [self] in run(bell) })
        else { return nil }
        return bell
    }

    private func run(_ bell: Pipe) {
        // A signal for the process is nothing for this thread.
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
        while true { pass(bell) }
    }

    private func pass(_ bell: Pipe) {
        let waiting = state.withLock { Array($0.waiters) }
        var polled = [pollfd(fd: bell.reader, events: Int16(POLLIN), revents: 0)]
        for (_, waiter) in waiting {
            polled.append(
                pollfd(fd: waiter.descriptor, events: Int16(waiter.wish == .toSend ? POLLOUT : POLLIN), revents: 0)
            )
        }
        let next = waiting.map(\.value.limit).min().map { max(0, $0 - runningMilliseconds()) + 1 } ?? -1
        _ = systemCall { unsafe poll(&polled, nfds_t(polled.count), Int32(clamping: next)) }
        if polled[0].revents != 0 { bell.silence() }
        let now = runningMilliseconds()
        for (index, (key, waiter)) in waiting.enumerated() {
            let isReady = polled[index + 1].revents != 0
            guard isReady || waiter.limit <= now else { continue }
            let isThere = state.withLock { $0.waiters.removeValue(forKey: key) } != nil
            if isThere { waiter.continuation.resume(returning: isReady ? .ready : .timedOut) }
        }
    }
}

extension Pipe {
    fileprivate func doesNotBlock() -> Bool {
        [reader, writer].allSatisfy { fcntl($0, F_SETFL, O_NONBLOCK) == 0 }
    }

    fileprivate func ring() {
        var byte: UInt8 = 1
        // Where it is full, it is ringing.
        _ = unsafe write(writer, &byte, 1)
    }

    fileprivate func silence() {
        var bytes = [UInt8](repeating: 0, count: 4096)
        _ = unsafe read(reader, &bytes, bytes.count)
    }
}

extension Duration {
    /// Milliseconds, rounded up, and at most a month.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return min(max(seconds, 0), 2_600_000) * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}

/// What `work` gives; nil where it takes longer than `limit`, or the task is stopped: `work` is to end soon then.
package func within<Value: Sendable>(
    _ limit: Duration,
    _ work: @escaping @Sendable () async -> Value?
) async -> Value? {
    await withTaskGroup(of: Value?.self) { group in
        group.addTask { await work() }
        group.addTask {
            try? await Task.sleep(for: limit)
            return nil
        }
        let first = await group.next() ?? nil
        group.cancelAll()
        return first
    }
}
