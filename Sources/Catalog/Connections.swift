internal import SQLite
internal import Synchronization

/// The connections of a process to its catalog: one for each that is in use, a few of which stay open for the next.
///
/// So whoever reads for long keeps nobody from reading or writing meanwhile. Each is used by one thread at a time.
final class Connections: Sendable {
    private final class Connection: Sendable {
        let database: Mutex<Database>
        /// How often connections had been given up when it was opened.
        let generation: Int

        init(_ database: consuming Database, _ generation: Int) {
            self.database = Mutex(database)
            self.generation = generation
        }
    }

    private struct State: Sendable {
        var idle: [Connection]
        var generation = 0
    }

    private let state: Mutex<State>
    private let open: @Sendable () throws(CatalogError) -> Database

    /// Connections of which one is open already, and more are opened by `open` when they are needed.
    init(_ first: consuming Database, open: @escaping @Sendable () throws(CatalogError) -> Database) {
        state = Mutex(State(idle: [Connection(first, 0)]))
        self.open = open
    }

    /// So many stay open.
    private static let maxIdle = 4

    /// Runs `body` with a connection that nobody else uses meanwhile.
    func use<Value: Sendable>(
        _ body: (inout Database) throws(CatalogError) -> Value
    ) throws(CatalogError) -> Value {
        let (known, generation) = state.withLock { ($0.idle.popLast(), $0.generation) }
        let connection = if let known { known } else { Connection(try open(), generation) }
        do throws(CatalogError) {
            let value = try connection.database.withLock { (database) throws(CatalogError) in try body(&database) }
            give(connection)
            return value
        } catch {
            // One that is not to be relied upon any more is closed, and so are those that may be like it, also those in
            // use when they come back.
            if error.isOfConnection { giveUp() } else { give(connection) }
            throw error
        }
    }

    private func give(_ connection: Connection) {
        state.withLock { state in
            let isGood = connection.generation == state.generation
            if isGood, state.idle.count < Self.maxIdle { state.idle.append(connection) }
        }
    }

    private func giveUp() {
        state.withLock { state in
            state.idle.removeAll()
            state.generation += 1
        }
    }
}
