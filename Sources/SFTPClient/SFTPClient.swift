internal import POSIX
internal import Synchronization

/// A client for SFTP through the program `ssh`, in sessions that are opened when all that are open are at work, and
/// again after one has ended.
///
/// Requests of one session go out without waiting for each other. Nothing is asked again.
package final class SFTPClient: Sendable {
    private struct Slot {
        let connection: SFTPConnection
        var users: Int
    }

    private struct State {
        var slots: [Slot] = []
        /// How many there may be by what the server was seen to take.
        var limit: Int
    }

    private let command: SSHCommand
    private let limit: Int
    private let timeout: Duration
    private let now: @Sendable () -> Duration
    private let observer: @Sendable () -> SFTPObserver
    private let state: Mutex<State>

    /// A client that opens nothing before the first call.
    ///
    /// `sessions` is the most of them at once, `timeout` how long a server may be silent while it owes an answer, and
    /// `now` a clock that nobody sets. Each request asks `observer`, in the task
    /// that makes it, who is told of its bytes.
    package init(
        _ login: SSHLogin,
        sessions: Int,
        timeout: Duration,
        now: @escaping @Sendable () -> Duration,
        observer: @escaping @Sendable () -> SFTPObserver = { { _, _ in } }
    ) throws(SFTPError) {
        do throws(FileError) {
            command = try SSHCommand(login, patience: Int(timeout.components.seconds))
        } catch {
            throw SFTPError(error)
        }
        (limit, self.timeout, self.now, self.observer) = (max(1, sessions), timeout, now, observer)
        state = Mutex(State(limit: limit))
    }

    /// A session with which the server has agreed on what it can do.
    package func session() async throws(SFTPError) -> SFTPSession {
        while true {
            try SFTPError.checkCancellation()
            let connection: SFTPConnection
            if let idle = state.withLock({ pick(&$0) }) {
                connection = idle
            } else {
                connection = try await BlockingThreads.shared.run { () throws(SFTPError) in try self.open() }
            }
            do throws(SFTPError) {
                return SFTPSession(connection, try await connection.features(), of: self)
            } catch {
                release(connection)
                // A server may take fewer sessions than it was asked for: those that work go on alone.
                guard connection.failure != nil, sharesAfterRefusal(of: connection) else { throw error }
            }
        }
    }

    /// Ends all connections, as soon as what is under way on them is done with.
    package func close() { state.withLock { $0.slots.removeAll() } }

    func release(_ connection: SFTPConnection) {
        state.withLock { state in
            guard let index = state.slots.firstIndex(where: { $0.connection === connection }) else { return }
            state.slots[index].users -= 1
        }
    }

    /// The connection with the fewest users, if it has none or there may be no more of them.
    private func pick(_ state: inout State) -> SFTPConnection? {
        state.slots.removeAll { $0.connection.failure != nil }
        if state.slots.isEmpty { state.limit = limit }
        let index = state.slots.indices.min { state.slots[$0].users < state.slots[$1].users }
        guard let index, state.slots[index].users == 0 || state.slots.count >= state.limit else { return nil }
        state.slots[index].users += 1
        return state.slots[index].connection
    }

    private func open() throws(SFTPError) -> SFTPConnection {
        try state.withLock { state throws(SFTPError) in
            if let connection = pick(&state) { return connection }
            let connection = try SFTPConnection(command, now: now, timeout: timeout, observer: observer)
            state.slots.append(Slot(connection: connection, users: 1))
            return connection
        }
    }

    /// Whether others are open that can be shared after this one was refused.
    private func sharesAfterRefusal(of connection: SFTPConnection) -> Bool {
        state.withLock { state in
            state.slots.removeAll { $0.connection === connection || $0.connection.failure != nil }
            let others = state.slots.count { $0.connection.hasGreeted }
            guard others > 0 else { return false }
            state.limit = others
            return true
        }
    }
}
