/// Why something that was asked of a server, or of the program that leads there, failed.
package struct SFTPError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Sendable, Hashable {
        /// There is no program that carries sessions, or it must not be started.
        case noProgram
        /// The program could not be started now.
        case cannotStart
        /// The program does not take its options, or its configuration.
        case badConfiguration
        /// Nobody vouches for the server's key.
        case unknownHost
        /// The server took none of the keys and passwords.
        case notAuthenticated
        /// The server offers no SFTP, none of a version that is spoken here, or not what was asked for.
        case unsupported
        /// No session came about, or it ended.
        case disconnected
        /// The server answered nothing for too long.
        case timedOut
        /// The server does not keep to the protocol.
        case protocolViolation
        /// Nothing has the name, the server says.
        case noSuchFile
        /// The user may not do that, the server says.
        case permissionDenied
        /// Something has the name, the server says; most say only that they refuse.
        case exists
        /// There is no room, the server says; most say only that they refuse.
        case noSpace
        /// The server says that it did not do it, for whatever reason.
        case refused
        /// The file was written to while it was read.
        case changed
        /// The task was told to stop.
        case cancelled
    }

    /// What kind of failure it is.
    package let code: Code
    /// The failure as a whole sentence.
    package let message: String
    /// What the server, or the program, said of it: as it came, for nobody has looked for secrets in it yet.
    package let words: String
    /// The number with which the server refused; nil where it did not refuse.
    let status: UInt32?
    /// The error underneath, if there is one.
    package let cause: (any Error)?

    init(_ code: Code, _ message: String, words: String = "", status: UInt32? = nil, cause: (any Error)? = nil) {
        (self.code, self.message, self.words, self.status, self.cause) = (code, message, words, status, cause)
    }

    /// A refusal; later versions of the protocol have codes for what this one only has words for.
    init(status: UInt32, words: String) {
        let lowered = words.lowercased()
        let isFull = ["no space", "quota exceeded", "disk full"].contains { lowered.contains($0) }
        let code: Code =
            switch status {
            case 2: .noSuchFile
            case 3, 12: .permissionDenied
            case 4 where isFull: .noSpace
            case 8: .unsupported
            case 11: .exists
            case 14, 15: .noSpace
            default: .refused
            }
        self.init(code, "The server refused (\(status)).", words: words, status: status)
    }

    /// Whether the server answered, and said that it did not do it.
    package var isRefusal: Bool { status != nil }
    /// Whether a file, or a list, is over.
    var isEnd: Bool { status == 1 }

    package var description: String { message }

    static let cancelled = SFTPError(.cancelled, "The request was cancelled.")

    /// Throws `cancelled` when the current task was told to stop.
    static func checkCancellation() throws(SFTPError) { if Task.isCancelled { throw cancelled } }
}
