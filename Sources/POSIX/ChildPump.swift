internal import CPOSIX
internal import Glibc
internal import Synchronization

/// Moves bytes between the pipes of a child process and whoever uses it, on one thread, and sees to the child's end.
///
/// One thread for all three pipes: two programs that each wait for the other to read would stand still otherwise.
final class ChildPump: Sendable {
    private struct Outbox {
        /// What is to be sent; the first `head` pieces are gone.
        var pieces: [ArraySlice<UInt8>] = []
        var head = 0
        var isStopped = false
        /// Whether it gets no time to end by itself.
        var isUrgent = false
        /// Whether the child takes nothing any more.
        var isBroken = false

        var isEmpty: Bool { head == pieces.count }

        /// The next two pieces, which go in one call.
        var front: (ArraySlice<UInt8>, ArraySlice<UInt8>)? {
            guard head < pieces.count else { return nil }
            return (pieces[head], head + 1 < pieces.count ? pieces[head + 1] : [])
        }

        mutating func drop(_ count: Int) {
            var left = count
            while left > 0, head < pieces.count {
                let step = min(left, pieces[head].count)
                pieces[head] = pieces[head].dropFirst(step)
                left -= step
                if pieces[head].isEmpty { next() }
            }
        }

        private mutating func next() {
            pieces[head] = []
            head += 1
            if isEmpty { (pieces, head) = ([], 0) }
        }
    }

    private let identifier: Int32
    /// Whether what it started may go on after its end.
    private let mayLeave: Bool
    private let input: Pipe
    private let output: Pipe
    private let errors: Pipe
    private let wake: Pipe
    private let receive: @Sendable (ChildEvent) -> Bool
    private let outbox = Mutex(Outbox())
    private let said = Mutex<[UInt8]>([])
    private let errorCount = Atomic<UInt64>(0)
    /// Whether it has closed its error output.
    private let isMute = Atomic(false)

    /// How many bytes the child has written to its error output.
    var errorBytes: UInt64 { errorCount.load(ordering: .relaxed) }

    /// Ends this one at once.
    func endNow() { ChildWatch.end(identifier) }

    /// How often the child's user is told that time passes, in milliseconds.
    private static let tick: Int64 = 250
    /// How long the child may take to end by itself, and then by a signal, in milliseconds.
    private static let grace: Int64 = 2000
    /// How many bytes of its errors are kept.
    private static let maxErrors = 4096
    /// How often more of them is read after its end.
    private static let lastReads = 64
    private static let chunk = 256 << 10

    init(
        _ identifier: Int32,
        mayLeave: Bool,
        input: Pipe,
        output: Pipe,
        errors: Pipe,
        wake: Pipe,
        _ receive: @escaping @Sendable (ChildEvent) -> Bool
    ) {
        (self.identifier, self.input, self.output, self.errors) = (identifier, input, output, errors)
        (self.wake, self.receive, self.mayLeave) = (wake, receive, mayLeave)
        ChildWatch.add(identifier, mayLeave: mayLeave)
    }

    func send(_ pieces: [ArraySlice<UInt8>]) {
        let wasEmpty = outbox.withLock { outbox in
            guard !outbox.isBroken, !outbox.isStopped else { return false }
            let wasEmpty = outbox.isEmpty
            outbox.pieces += pieces.filter { !$0.isEmpty }
            return wasEmpty
        }
        if wasEmpty { wakeUp() }
    }

    func stop(atOnce: Bool = false) {
        outbox.withLock { ($0.isStopped, $0.isUrgent) = (true, $0.isUrgent || atOnce) }
        wakeUp()
    }

    private func wakeUp() {
        var byte: UInt8 = 1
        // Where the pipe is full, the thread wakes up anyway.
        _ = unsafe write(wake.writer, &byte, 1)
    }

    /// Runs until the child has ended.
    func run() {
        // A signal for the process is nothing for this thread, and a closed pipe is told by the call.
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
        var told = runningMilliseconds()
        while pass() {
            let now = runningMilliseconds()
            guard now - told >= Self.tick else { continue }
            told = now
            guard receive(.tick) else { break }
        }
        end()
    }

    /// Moves what can be moved now, or waits a moment; false where the child ended, or is to end.
    private func pass() -> Bool {
        let (wantsToWrite, isStopped) = outbox.withLock { (!$0.isEmpty, $0.isStopped) }
        if isStopped { return false }
        let none = Int32(-1)
        var polled = [
            pollfd(fd: output.reader, events: Int16(POLLIN), revents: 0),
            pollfd(fd: isMute.load(ordering: .relaxed) ? none : errors.reader, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wake.reader, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wantsToWrite ? input.writer : none, events: Int16(POLLOUT), revents: 0),
        ]
        guard systemCall({ unsafe poll(&polled, nfds_t(polled.count), Int32(Self.tick)) }).number == 0 else {
            return false
        }
        if polled[2].revents != 0 { _ = take(wake.reader, 4096) }
        if polled[3].revents != 0 || wantsToWrite { writeSome() }
        if polled[1].revents != 0, let words = take(errors.reader, 4096) {
            // At its end it would be ready for ever.
            if words.isEmpty { isMute.store(true, ordering: .relaxed) }
            keep(words)
        }
        guard polled[0].revents != 0, let bytes = take(output.reader, Self.chunk) else { return true }
        return !bytes.isEmpty && receive(.output(bytes))
    }

    /// What can be read now, empty at the end; nil where nothing came yet.
    private func take(_ descriptor: Int32, _ count: Int) -> [UInt8]? {
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let got = systemCall { unsafe read(descriptor, buffer.baseAddress, count) }
            failure = got.number
            filled = max(0, got.value)
        }
        return failure == EAGAIN ? nil : bytes
    }

    private func keep(_ words: [UInt8]) {
        errorCount.add(UInt64(words.count), ordering: .relaxed)
        said.withLock { said in
            said += words
            if said.count > Self.maxErrors { said.removeFirst(said.count - Self.maxErrors) }
        }
    }

    private func writeSome() {
        while let (first, second) = outbox.withLock({ $0.front }) {
            let wrote = systemCall { () -> Int in
                unsafe first.withUnsafeBytes { first in
                    unsafe second.withUnsafeBytes { second in
                        var vectors = unsafe [
                            iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count),
                            iovec(
                                iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress),
                                iov_len: second.count
                            ),
                        ]
                        return unsafe writev(input.writer, &vectors, second.isEmpty ? 1 : 2)
                    }
                }
            }
            if wrote.number == EAGAIN { return }
            outbox.withLock { outbox in
                if wrote.number == 0 { return outbox.drop(wrote.value) }
                // Why it takes nothing any more is told by its end.
                (outbox.pieces, outbox.head, outbox.isBroken) = ([], 0, true)
            }
            if wrote.number == 0 { _ = receive(.input(wrote.value)) }
        }
    }

    /// Lets the child end, makes it end where it does not, and tells so.
    func end() {
        outbox.withLock { ($0.isStopped, $0.pieces, $0.head) = (true, [], 0) }
        input.closeWriter()
        output.closeReader()
        let isUrgent = outbox.withLock { $0.isUrgent }
        let code = awaitEnd(isUrgent ? 0 : Self.grace) ?? ended(by: SIGTERM) ?? ended(by: SIGKILL) ?? -1
        // What has left its group may write there without end.
        for _ in 0..<Self.lastReads {
            guard let words = take(errors.reader, Self.maxErrors), !words.isEmpty else { break }
            keep(words)
        }
        errors.closeReader()
        _ = receive(.ended(ChildEnd(code: code, errors: said.withLock { $0 })))
    }

    /// Its number is its own until its end was asked for, and so is that of its group: no other process is hit.
    private func ended(by signal: Int32) -> Int32? {
        _ = kill(-identifier, signal)
        return awaitEnd(Self.grace)
    }

    /// The code with which the child ended; nil where it has not after so many milliseconds.
    private func awaitEnd(_ limit: Int64) -> Int32? {
        let start = runningMilliseconds()
        while true {
            if let status = ChildWatch.status(of: identifier, mayLeave: mayLeave) {
                guard status >= 0 else { return -1 }
                let number = status & 0x7F
                return number == 0 ? status >> 8 & 0xFF : 128 + number
            }
            guard runningMilliseconds() - start < limit else { return nil }
            var waiting = pollfd(fd: errors.reader, events: Int16(POLLIN), revents: 0)
            _ = systemCall { unsafe poll(&waiting, 1, 10) }
            guard waiting.revents != 0 else { continue }
            if let words = take(errors.reader, Self.maxErrors), !words.isEmpty { keep(words) } else { usleep(2000) }
        }
    }
}

/// Something that happens once.
final class Once: Sendable {
    private let happened = Atomic(false)

    /// Whether this is the first call.
    func first() -> Bool { !happened.exchange(true, ordering: .acquiringAndReleasing) }
}
