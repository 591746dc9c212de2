internal import POSIX
internal import Synchronization
internal import TLS

/// One connection to a server, which becomes a secure one where that is asked for.
final class FTPStream: Sendable {
    private let socket: Socket
    private let channel = Mutex<TLSChannel?>(nil)

    /// So much is taken at once, where so much has come.
    private static let chunk = 128 << 10

    private init(_ socket: Socket) { self.socket = socket }

    /// A connection to the first of some addresses that takes one.
    static func open(_ addresses: [SocketAddress], within limit: Duration) async throws(FTPError) -> FTPStream {
        do throws(SocketError) {
            return FTPStream(try await Socket.connect(toOneOf: addresses, within: limit))
        } catch {
            throw FTPError(error)
        }
    }

    var peer: SocketAddress { socket.peer }

    /// Whether something came that nobody waits for, or the end.
    var hasSomething: Bool { socket.hasSomething }

    /// The session of the secure connection, for another one to the same server.
    var session: TLSSession? { channel.withLock { $0 }?.session }

    /// Whether it goes on with the session of another one.
    var isResumed: Bool { channel.withLock { $0 }?.isResumed ?? false }

    /// Whether the other side itself said that nothing more comes: over TLS, nobody on the way can say that.
    var endIsCertain: Bool { channel.withLock { $0 }?.hasEnded ?? true }

    // MARK: TLS

    /// Makes it secure.
    func secure(
        by context: TLSContext,
        host: String,
        resuming session: TLSSession?,
        within limit: Duration
    ) async throws(FTPError) {
        let channel = try Self.secured { () throws(TLSError) in try TLSChannel(context, host: host, resuming: session) }
        while true {
            let greeted = Result { () throws(TLSError) in try channel.greet() }
            // What went wrong is told to the other side, too.
            try await pass(channel.takeOutbound(), limit, nil)
            if try Self.secured({ () throws(TLSError) in try greeted.get() }) { break }
            let bytes = try await next(Self.chunk, limit, nil)
            guard !bytes.isEmpty else {
                throw FTPError(.notSecure, "\(peer) ended the connection before it was secure.")
            }
            channel.receive(bytes)
        }
        self.channel.withLock { $0 = channel }
    }

    private static func secured<Value>(_ work: () throws(TLSError) -> Value) throws(FTPError) -> Value {
        do throws(TLSError) {
            return try work()
        } catch {
            throw FTPError(error)
        }
    }

    // MARK: Bytes

    /// What came, as soon as there is something; empty at the end.
    ///
    /// With `afterStop`, a stopped task waits for so long besides.
    func receive(within limit: Duration, afterStop: Duration? = nil) async throws(FTPError) -> [UInt8] {
        guard let channel = channel.withLock({ $0 }) else { return try await next(Self.chunk, limit, afterStop) }
        // The first of it may have come right behind the greeting.
        var bytes: [UInt8] = []
        while true {
            let clear = try Self.secured { () throws(TLSError) in try channel.decrypt(bytes) }
            let answer = channel.takeOutbound()
            if !answer.isEmpty { try await pass(answer, limit, afterStop) }
            guard clear.isEmpty, !channel.hasEnded else { return clear }
            bytes = try await next(Self.chunk, limit, afterStop)
            if bytes.isEmpty { return [] }
        }
    }

    /// Sends all bytes.
    func send(_ bytes: [UInt8], within limit: Duration, afterStop: Duration? = nil) async throws(FTPError) {
        guard let channel = channel.withLock({ $0 }) else { return try await pass(bytes, limit, afterStop) }
        let sealed = try Self.secured { () throws(TLSError) in try channel.encrypt(bytes) }
        try await pass(sealed, limit, afterStop)
    }

    /// Says that nothing more is sent.
    func sayEnd(within limit: Duration) async throws(FTPError) {
        if let channel = channel.withLock({ $0 }) { try await pass(channel.farewell(), limit, nil) }
        socket.endSending()
    }

    /// What comes next, and what has come behind it already.
    private func next(_ count: Int, _ limit: Duration, _ afterStop: Duration?) async throws(FTPError) -> [UInt8] {
        do throws(SocketError) {
            var bytes = try await socket.receive(upTo: count, within: limit, afterStop: afterStop)
            while !bytes.isEmpty, bytes.count < count / 2, let more = try socket.take(count - bytes.count),
                !more.isEmpty
            {
                bytes += more
            }
            return bytes
        } catch {
            throw FTPError(error)
        }
    }

    private func pass(_ bytes: [UInt8], _ limit: Duration, _ afterStop: Duration?) async throws(FTPError) {
        do throws(SocketError) {
            try await socket.send(bytes, within: limit, afterStop: afterStop)
        } catch {
            throw FTPError(error)
        }
    }
}
