internal import Storage

/// Servers that all tests of the process share who want the same switches: the first that asks for one starts it.
final class SharedServer<Server: Sendable>: Sendable {
    private let tasks = Locked<[[String]: Task<Server, any Error>]>([:])
    private let start: @Sendable ([String]) async throws -> Server

    init(_ start: @escaping @Sendable ([String]) async throws -> Server) { self.start = start }

    /// The server with these switches, when it runs.
    func running(_ switches: [String] = []) async throws -> Server {
        let task = tasks.change { [start] tasks in
            if let task = tasks[switches] { return task }
            let task = Task { try await start(switches) }
            tasks[switches] = task
            return task
        }
        return try await task.value
    }
}
