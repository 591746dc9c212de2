/// A session for as long as something is done in it.
package final class SFTPSession: Sendable {
    package let features: SFTPFeatures
    private let connection: SFTPConnection
    private let client: SFTPClient

    init(_ connection: SFTPConnection, _ features: SFTPFeatures, of client: SFTPClient) {
        (self.connection, self.features, self.client) = (connection, features, client)
    }

    deinit { client.release(connection) }

    /// Sends a request behind all that were sent before.
    ///
    /// With a `limit` the answer is not waited for longer than that; a server may take its time for one that is slow.
    @discardableResult
    package func send<Value>(
        _ request: SFTPRequest<Value>,
        within limit: Duration? = nil,
        isSlow: Bool = false
    ) -> SFTPPending<Value> {
        connection.send(request, within: limit, isSlow: isSlow)
    }

    /// Opens a file.
    package func open(_ path: String, _ opening: SFTPOpening) -> SFTPPending<SFTPFile> {
        let opened = send(.open(path, opening))
        return SFTPPending(answer: opened.answer) { reply in opened.read(reply).map { SFTPFile($0, in: self) } }
    }

    /// The names in a directory, with what is said of them.
    package func list(_ path: String) async throws(SFTPError) -> [SFTPEntry] {
        let handle = try await send(.openDirectory(path)).value()
        defer { send(.close(handle)) }
        var entries: [SFTPEntry] = []
        var names: Set<[UInt8]> = []
        // Several at once: a server gives a hundred names at a time.
        var asked = (0..<Self.listings).map { _ in send(.readDirectory(handle)) }
        while true {
            let page: [SFTPEntry]
            do throws(SFTPError) {
                page = try await asked.removeFirst().value()
            } catch  where error.isEnd {
                return entries
            }
            asked.append(send(.readDirectory(handle)))
            let before = names.count
            for entry in page where names.insert(entry.name).inserted { entries.append(entry) }
            // A page with nothing new would be followed by as many of them as there is time.
            guard names.count > before, names.count <= Self.maxNames else {
                throw SFTPError(.protocolViolation, "The server's list of \(path) does not end.")
            }
        }
    }

    private static let listings = 4
    private static let maxNames = 1_000_000
}
