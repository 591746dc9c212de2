internal import SQLite
internal import Synchronization

/// The connections of a process to its catalog: one for each that is in use, a few of which stay open for the next.
///
/// So whoever reads for long keeps nobody from reading or writing meanwhile. Each is used by one thread at a time.
final class Connections: Sendable {
    private final class Connection: Sendable {
        let database: Mutex<Database>

        init(_ database: consuming Database) { self.database = Mutex(database) }
    }

    private let idle: Mutex<[Connection]>
    private let open: @Sendable () throws(CatalogError) -> Database

    /// Connections of which one is open already, and more are opened by `open` when they are needed.
    init(_ first: consuming Database, open: @escaping @Sendable () throws(CatalogError) -> Database) {
        idle = Mutex([Connection(first)])
        self.open = open
    }

    /// So many stay open.
    private static let mostIdle = 4

    /// Runs `body` with a connection that nobody else uses meanwhile.
    func use<Value: Sendable>(
        _ body: (inout Database) throws(CatalogError) -> Value
    ) throws(CatalogError) -> Value {
        let connection = if let known = idle.withLock({ $0.popLast() }) { known } else { Connection(try open()) }
        do throws(CatalogError) {
            let value = try connection.database.withLock { (database) throws(CatalogError) in try body(&database) }
            give(connection)
            return value
        } catch {
            // One that is not to be relied upon any more is closed, and so are those that may be like it.
            if error.isOfConnection { idle.withLock { $0.removeAll() } } else { give(connection) }
            throw error
        }
    }

    private func give(_ connection: Connection) {
        idle.withLock { idle in
            if idle.count < Self.mostIdle { idle.append(connection) }
        }
    }
}
