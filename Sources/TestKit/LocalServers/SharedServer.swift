internal import Storage

/// A server that all tests of the process share: the first that asks for it starts it.
final class SharedServer<Server: Sendable>: Sendable {
    private let task = Locked<Task<Server, any Error>?>(nil)
    private let start: @Sendable () async throws -> Server

    init(_ start: @escaping @Sendable () async throws -> Server) { self.start = start }

    /// The server, when it runs.
    func running() async throws -> Server {
        let task = task.change { [start] task in
            if let task { return task }
            let new = Task { try await start() }
            task = new
            return new
        }
        return try await task.value
    }
}
