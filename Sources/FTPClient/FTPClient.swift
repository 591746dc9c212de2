internal import POSIX
internal import Synchronization
internal import TLS

/// A client for FTP, plain or over TLS, on connections that are opened when all that are open are at work, and again
/// after one has ended.
///
/// One that a server refuses, because it has too many, is not asked for again as long as others work. Nothing is asked
/// again.
package final class FTPClient: Sendable {
    private struct State {
        var idle: [FTPConnection] = []
        /// How many are lent, or about to be.
        var lent = 0
        /// How many there may be by what the server was seen to take; nil as long as it refused none.
        var limit: Int?
        /// How many were asked for, ever.
        var asked = 0
        var waiting: [Int: CheckedContinuation<Bool?, Never>] = [:]
        var next = 0
        /// Those who were told to stop before they waited.
        var stopped: Set<Int> = []
    }

    private enum Step {
        case take(FTPConnection)
        /// To open the one of this number, while there are no others or there are.
        case open(Int, isAlone: Bool)
        case wait
    }

    private let opener: FTPOpener
    private let most: Int
    private let state = Mutex(State())

    /// A client that opens nothing before the first call.
    ///
    /// `connections` is the most of them at once, `timeout` how long a server may be silent while it owes an answer,
    /// and another one may take to become free. Each transfer asks `observer`, in the task that makes it, who is told
    /// of its bytes.
    package init(
        _ login: FTPLogin,
        connections: Int,
        timeout: Duration,
        observer: @escaping @Sendable () -> FTPObserver = { { _, _ in } }
    ) throws(FTPError) {
        opener = try FTPOpener(login, timeout: timeout, observer: observer)
        most = max(1, connections)
    }

    /// A connection that nobody else has.
    package func lend() async throws(FTPError) -> FTPLoan {
        while true {
            try FTPError.checkCancellation()
            switch state.withLock({ step(&$0) }) {
            case .take(let connection):
                if await connection.isAlive() { return FTPLoan(connection, of: self) }
                leave()
            case .wait:
                guard await isTurn() else {
                    try FTPError.checkCancellation()
                    throw FTPError(.tooMany, "\(opener.target) takes no more connections, and none became free.")
                }
            case .open(let number, let isAlone):
                do throws(FTPError) {
                    return FTPLoan(try await opener.open(), of: self)
                } catch {
                    // A server may take fewer than it was asked for: those that work go on alone. Where several were
                    // asked for at once, it may have taken none of them, and one is asked for again.
                    let isTried = error.code == .tooMany && yields(number, isAlone)
                    leave()
                    guard isTried else { throw error }
                }
            }
        }
    }

    /// Ends those that nobody has.
    package func close() {
        let idle = state.withLock { state in
            defer { (state.idle, state.limit) = ([], nil) }
            return state.idle
        }
        withExtendedLifetime(idle) {}
    }

    private func step(_ state: inout State) -> Step {
        if let connection = state.idle.popLast() {
            state.lent += 1
            return .take(connection)
        }
        if state.lent >= min(state.limit ?? most, most) { return .wait }
        state.lent += 1
        state.asked += 1
        return .open(state.asked, isAlone: state.lent == 1)
    }

    /// Whether a connection that was refused leaves room to others, or to itself where others were asked for meanwhile;
    /// takes note then of how many the server takes.
    private func yields(_ number: Int, _ wasAlone: Bool) -> Bool {
        state.withLock { state in
            let others = state.lent - 1 + state.idle.count
            let isAlone = wasAlone && state.asked == number && others == 0
            state.limit = isAlone ? nil : max(1, others)
            return !isAlone
        }
    }

    func takeBack(_ connection: FTPConnection) {
        connection.rest()
        state.withLock { state in
            if connection.isUsable { state.idle.append(connection) }
            // What the server takes may be more by the time that somebody needs it.
            if state.lent == 1, state.waiting.isEmpty { state.limit = nil }
        }
        leave()
    }

    /// One fewer is lent, and the one who waits for longest has a turn.
    private func leave() {
        let waiter = state.withLock { state in
            state.lent -= 1
            return state.waiting.keys.min().flatMap { state.waiting.removeValue(forKey: $0) }
        }
        waiter?.resume(returning: true)
    }

    /// Waits until a connection was given back; false where that takes too long.
    private func isTurn() async -> Bool {
        await within(opener.timeout) { await self.wait() } ?? false
    }

    private func wait() async -> Bool? {
        let key = state.withLock { state in
            state.next += 1
            return state.next
        }
        let turn = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Bool?, Never>) in
                let early = state.withLock { state -> Bool? in
                    if state.stopped.contains(key) { return false }
                    // Somebody may have given one back meanwhile.
                    if !state.idle.isEmpty || state.lent < min(state.limit ?? most, most) { return true }
                    state.waiting[key] = continuation
                    return nil
                }
                if let early { continuation.resume(returning: early ? true : nil) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.stopped.insert(key)
                return state.waiting.removeValue(forKey: key)
            }
            waiter?.resume(returning: nil)
        }
        state.withLock { _ = $0.stopped.remove(key) }
        return turn
    }
}

/// A connection for as long as somebody needs it.
package final class FTPLoan: Sendable {
    package let connection: FTPConnection
    private let client: FTPClient

    init(_ connection: FTPConnection, of client: FTPClient) { (self.connection, self.client) = (connection, client) }

    deinit { client.takeBack(connection) }
}
