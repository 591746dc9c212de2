internal import POSIX
internal import Synchronization
internal import TLS

/// The connection over which a server is told what to do, and answers.
///
/// One task at a time has it. After a failure that is no refusal nobody knows what the next reply would be about: it is
/// of no use any more.
final class FTPControl: Sendable {
    private struct State {
        var reader = FTPReplyReader()
        /// How many replies will come that nobody waits for.
        var owed = 0
        var failure: FTPError?
    }

    let stream: FTPStream
    /// The server, in words.
    let target: String
    let timeout: Duration
    private let state = Mutex(State())

    /// How many times longer than usual a server may be silent while it waits for its disk.
    private static let patience = 20
    /// How long replies are waited for that nobody needs.
    private static let settling = Duration.seconds(10)

    init(_ stream: FTPStream, _ target: String, timeout: Duration) {
        (self.stream, self.target, self.timeout) = (stream, target, timeout)
    }

    /// Why it is of no use any more; nil as long as it is.
    var failure: FTPError? { state.withLock { $0.failure } }

    /// Whether all that came was read.
    var isQuiet: Bool { state.withLock { $0.owed == 0 && $0.reader.isEmpty } && !stream.hasSomething }

    /// Takes note that a reply will come that nobody waits for.
    func owe() { state.withLock { $0.owed += 1 } }

    /// Gives a command and takes the reply, whatever it says.
    ///
    /// With `afterStop`, it is given also where the task is told to stop, and the reply is waited for so long then.
    func ask(
        _ verb: String,
        _ argument: String = "",
        within limit: Duration? = nil,
        afterStop: Duration? = nil
    ) async throws(FTPError) -> FTPReply {
        try await settle(afterStop: afterStop)
        try await tell(verb, argument, afterStop: afterStop)
        return try await reply(within: limit, afterStop: afterStop)
    }

    /// Gives a command that has to be done; the refusal is thrown.
    @discardableResult
    func order(_ verb: String, _ argument: String = "") async throws(FTPError) -> FTPReply {
        let reply = try await ask(verb, argument)
        guard reply.isDone else { throw FTPError(reply, to: verb, by: target) }
        return reply
    }

    private func tell(_ verb: String, _ argument: String, afterStop: Duration?) async throws(FTPError) {
        guard FTPLogin.isSayable(argument) else {
            throw FTPError(.badConfiguration, "What follows \(verb) holds a control character, and is not said.")
        }
        let line = argument.isEmpty ? verb : "\(verb) \(argument)"
        try await noting { () async throws(FTPError) in
            if afterStop == nil { try FTPError.checkCancellation() }
            try await stream.send(Array("\(line)\r\n".utf8), within: timeout, afterStop: afterStop)
        }
    }

    /// The next reply: all of it has to come within the time.
    func reply(
        within limit: Duration? = nil,
        isSlow: Bool = false,
        afterStop: Duration? = nil
    ) async throws(FTPError) -> FTPReply {
        let limit = limit ?? (isSlow ? timeout * Self.patience : timeout)
        let reply = try await noting { () async throws(FTPError) in try await next(limit, afterStop) }
        // Whatever was asked, the server ends it.
        if reply.code == 421 { throw fail(FTPError(reply, to: "what it was asked", by: target)) }
        return reply
    }

    private func next(_ limit: Duration, _ afterStop: Duration?) async throws(FTPError) -> FTPReply {
        let start = ContinuousClock.now
        while true {
            let found = state.withLock { state in
                Result { () throws(FTPReplyReader.Stranger) in try state.reader.next() }
            }
            switch found {
            case .success(let reply?): return reply
            case .success(nil): break
            case .failure(let stranger):
                throw FTPError(.protocolViolation, "\(target) does not speak FTP as it should.", words: stranger.words)
            }
            let rest = limit - start.duration(to: .now)
            guard rest > .zero else {
                throw FTPError(.timedOut, "\(target) answered nothing for \(limit.components.seconds) s.")
            }
            let bytes = try await stream.receive(within: rest, afterStop: afterStop)
            guard !bytes.isEmpty else { throw FTPError(.disconnected, "\(target) ended the connection.") }
            state.withLock { $0.reader.add(bytes) }
        }
    }

    /// Takes the replies that nobody waited for, so that the next one is that to what is asked next.
    func settle(afterStop: Duration? = nil) async throws(FTPError) {
        if let failure { throw failure }
        while state.withLock({ $0.owed }) > 0 {
            _ = try await reply(within: min(timeout, Self.settling), afterStop: afterStop)
            state.withLock { $0.owed -= 1 }
        }
    }

    /// Makes it secure; what came before that in the clear may be anybody's.
    func secure(by context: TLSContext, host: String) async throws(FTPError) {
        try await noting { () async throws(FTPError) in
            guard state.withLock({ $0.reader.isEmpty }) else {
                throw FTPError(.notSecure, "\(target) said something between its consent to TLS and TLS.")
            }
            try await stream.secure(by: context, host: host, resuming: nil, within: timeout)
        }
    }

    private func noting<Value>(
        _ work: () async throws(FTPError) -> Value
    ) async throws(FTPError) -> Value {
        do throws(FTPError) {
            return try await work()
        } catch {
            throw fail(error)
        }
    }

    private func fail(_ error: FTPError) -> FTPError {
        state.withLock { $0.failure = $0.failure ?? error }
        return error
    }
}
