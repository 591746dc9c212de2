internal import POSIX
package import SQLite

/// A failure of the catalog.
package struct CatalogError: Error, Sendable, CustomStringConvertible, DatabaseErrorConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable, Hashable {
        /// Another process holds what is needed.
        case busy
        case full, permissionDenied
        /// More than is kept of one thing.
        case tooLarge
        case corrupt
        /// Something else is in the place of a lock.
        case obstructed
        /// The catalog was written by a later version of the program.
        case tooNew
        /// There is no catalog, or nothing is in its file.
        case missing
        /// It is not this process any more that may change what is known of a backend.
        case fenced
        /// The disk did not do what it was asked.
        case inputOutput
        case unexpected
    }

    package let code: Code
    package let message: String
    /// Whether another connection may do what this one could not.
    let isOfConnection: Bool

    package init(_ code: Code, _ message: String, isOfConnection: Bool = false) {
        self.code = code
        self.isOfConnection = isOfConnection
        self.message = message
    }

    /// What a failed statement means for the catalog.
    package init(_ error: DatabaseError) {
        let code: Code =
            switch error.code {
            case .full: .full
            case .readOnly, .cannotOpen: .permissionDenied
            case .busy, .locked: .busy
            case .corrupt, .notADatabase: .corrupt
            case .ioError: .inputOutput
            default: .unexpected
            }
        let holder = code == .busy && !error.path.isEmpty ? lockHolder(of: [error.path, error.path + "-shm"]) : nil
        // After a failure of the disk the connection may believe what is not so. A lock for which so long was waited,
        // and that no other process has, is one that a connection of this process did not get rid of.
        let isOwn = code == .busy && holder == nil
        let isOfConnection = error.isOfStuckLock || isOwn || [.inputOutput, .full].contains(code)
        self.init(code, error.message + (holder.map { " " + $0 } ?? ""), isOfConnection: isOfConnection)
    }

    package var description: String { message }
}
