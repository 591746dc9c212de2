internal import Synchronization

/// A file or a list on its way from a server, to be read once.
///
/// Letting it go ends it: the connection can be used for something else then.
package final class FTPDownload: Sendable {
    private struct End {
        var words = ""
        var isCertain = false
    }

    private let connection: FTPConnection
    private let count: FTPObserver
    private let stream: Mutex<FTPStream?>
    private let end = Mutex(End())

    init(_ connection: FTPConnection, _ stream: FTPStream) {
        self.connection = connection
        self.stream = Mutex(stream)
        count = connection.counter()
    }

    deinit { abandon() }

    /// What the server said at the end.
    var lastWords: String { end.withLock { $0.words } }

    /// Whether the end is one that nobody on the way can have made, where what came is secure.
    var endIsCertain: Bool { end.withLock { $0.isCertain } }

    /// The next bytes; nil after the last, when the server has said that these were all.
    package func next() async throws(FTPError) -> [UInt8]? {
        guard stream.withLock({ $0 }) != nil else { return nil }
        let control = connection.control
        do throws(FTPError) {
            let bytes = try await take()
            count(0, bytes.count)
            if !bytes.isEmpty { return bytes }
        } catch {
            stream.withLock { $0 = nil }
            throw await connection.reason(for: error)
        }
        let reply = try await control.reply()
        guard reply.isDone else { throw FTPError(reply, to: "what it was giving", by: control.target) }
        end.withLock { $0.words = reply.words }
        return nil
    }

    /// The next bytes; after the last, none, and the connection on which they came is closed.
    private func take() async throws(FTPError) -> [UInt8] {
        guard let stream = stream.withLock({ $0 }) else { return [] }
        let bytes = try await stream.receive(within: connection.control.timeout)
        guard bytes.isEmpty else { return bytes }
        end.withLock { $0.isCertain = stream.endIsCertain }
        // Some say how it went only after this side has ended it, too.
        do throws(FTPError) {
            try await stream.sayEnd(within: connection.control.timeout)
        } catch  where error.code != .cancelled {
            // Whoever closed it at once needs no word.
        }
        self.stream.withLock { $0 = nil }
        return []
    }

    /// Ends it, whether or not all of it came.
    package func abandon() {
        guard stream.withLock({ $0.take() }) != nil else { return }
        // What the server says of it is of no use, and comes before all that is asked later.
        connection.control.owe()
    }
}

/// A file on its way to a server.
///
/// Letting it go ends it, and leaves there what had arrived.
package final class FTPUpload: Sendable {
    private let connection: FTPConnection
    private let count: FTPObserver
    private let stream: Mutex<FTPStream?>

    init(_ connection: FTPConnection, _ stream: FTPStream) {
        self.connection = connection
        self.stream = Mutex(stream)
        count = connection.counter()
    }

    deinit { if stream.withLock({ $0.take() }) != nil { connection.control.owe() } }

    /// Sends bytes; where the server takes no more, throws what it says of that.
    package func write(_ bytes: [UInt8]) async throws(FTPError) {
        guard let stream = stream.withLock({ $0 }) else { return }
        do throws(FTPError) {
            try await stream.send(bytes, within: connection.control.timeout)
            count(bytes.count, 0)
        } catch {
            self.stream.withLock { $0 = nil }
            throw await connection.reason(for: error)
        }
    }

    /// Says that this was all, and waits until the server says that it has it.
    package func finish() async throws(FTPError) {
        guard let stream = stream.withLock({ $0.take() }) else { return }
        let control = connection.control
        do throws(FTPError) {
            try await stream.sayEnd(within: control.timeout)
        } catch  where error.code == .cancelled {
            control.owe()
            throw error
        } catch {
            // How a connection ends tells less than what is said of it.
        }
        // Who closed it now, while something comes, such as what a secure connection says besides, would have the
        // system take back what is on its way still; and not everybody closes it before he says that he has all of it.
        defer { withExtendedLifetime(stream) {} }
        let reply = try await control.reply(isSlow: true)
        guard reply.isDone else { throw FTPError(reply, to: "what it was given", by: control.target) }
    }
}
