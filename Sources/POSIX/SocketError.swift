internal import Glibc

/// Why there is no connection, or no connection any more.
package struct SocketError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Sendable, Hashable {
        /// The name has no address.
        case cannotResolve
        /// Nobody takes a connection there.
        case cannotConnect
        /// Too many files are open for another one.
        case tooManyOpen
        /// Nothing came, or was taken, for too long.
        case timedOut
        /// The connection broke.
        case lost
        /// The task was told to stop.
        case stopped
    }

    package let code: Code
    /// The failure as a whole sentence.
    package let message: String

    init(_ code: Code, _ message: String) { (self.code, self.message) = (code, message) }

    /// The failure of a call to the system about a connection.
    init(_ code: Code, _ operation: String, _ place: String, _ number: Int32) {
        let code = [EMFILE, ENFILE].contains(number) ? .tooManyOpen : code
        self.init(code, FileError(operation, place, number).description)
    }

    package var description: String { message }

    static func stopped(_ place: String) -> SocketError {
        SocketError(.stopped, "What was under way with \(place) was stopped.")
    }
}
