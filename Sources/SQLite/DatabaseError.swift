internal import CSQLite

/// Why SQLite could not do what it was asked.
package struct DatabaseError: Error, Sendable, Equatable {
    /// The kinds of failure a caller can act on: SQLite's primary result codes.
    package enum Code: Sendable, Hashable {
        case busy, locked, full, ioError, corrupt, notADatabase, constraint, readOnly, cannotOpen, interrupted, misuse
        case schema
        /// Any other primary result code; 1 is an error in the SQL itself.
        case other(Int32)
    }

    /// What kind of failure this is.
    package let code: Code

    /// SQLite's extended result code, which tells, for one, a unique key from a foreign key.
    package let extendedCode: Int32

    /// A whole sentence that names the database and carries SQLite's own text.
    package let message: String

    /// The path of the database's file; empty where it has none, or is not known.
    package let path: String

    /// Whether a lock stayed with somebody who should have it for a moment, which may be this very connection: one that
    /// could not give it back never gets it again (SQLITE_PROTOCOL).
    package var isOfStuckLock: Bool { extendedCode & 0xFF == SQLITE_PROTOCOL }

    init(_ result: Int32, _ message: String, path: String = "") {
        self.path = path
        code = Code(result)
        extendedCode = result
        self.message = message
    }

    init(_ result: Int32, sql: String, database path: String, problem: String) {
        let shown = sql.count > 120 ? sql.prefix(120) + "…" : sql[...]
        let name = path.isEmpty ? "in memory" : path
        self.init(result, "The database \(name) could not run “\(shown)”: \(problem).", path: path)
    }
}

extension DatabaseError: CustomStringConvertible {
    package var description: String { message }
}

extension DatabaseError.Code {
    init(_ result: Int32) {
        switch result & 0xFF {
        // SQLITE_PROTOCOL: somebody holds for long what others hold for a moment, while the file is opened.
        case SQLITE_BUSY, SQLITE_PROTOCOL: self = .busy
        case SQLITE_LOCKED: self = .locked
        case SQLITE_FULL: self = .full
        // SQLITE_IOERR_SHMSIZE: the file beside the log cannot grow, which is how a full disk shows itself first.
        case SQLITE_IOERR where result == SQLITE_IOERR | 19 << 8: self = .full
        case SQLITE_IOERR: self = .ioError
        case SQLITE_CORRUPT: self = .corrupt
        case SQLITE_NOTADB: self = .notADatabase
        case SQLITE_CONSTRAINT: self = .constraint
        case SQLITE_READONLY: self = .readOnly
        case SQLITE_CANTOPEN: self = .cannotOpen
        case SQLITE_INTERRUPT: self = .interrupted
        case SQLITE_MISUSE: self = .misuse
        case SQLITE_SCHEMA: self = .schema
        case let other: self = .other(other)
        }
    }
}

/// An error type that can stand for a database's, so that a closure run inside a transaction may throw its own.
package protocol DatabaseErrorConvertible: Error {
    /// The error that stands for `error`.
    init(_ error: DatabaseError)
}

extension DatabaseError: DatabaseErrorConvertible {
    package init(_ error: DatabaseError) {
        self = error
    }
}
