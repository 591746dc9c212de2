internal import POSIX
internal import TLS

/// Why something that was asked of a server failed.
package struct FTPError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Sendable, Hashable {
        /// A file that the login names cannot be used, or what was to be said is nothing that can be.
        case badConfiguration
        /// The server did not prove that it is who it should be.
        case notTrusted
        /// The connection could not be made secure, or the server offers none that is.
        case notSecure
        /// The server wants a secure connection.
        case needsTLS
        /// The server takes no user of that name and password.
        case notAuthenticated
        /// The server has as many connections as it takes, from here or at all.
        case tooMany
        /// No connection came about, or it ended.
        case disconnected
        /// The server answered nothing for too long.
        case timedOut
        /// The server does not keep to the protocol.
        case protocolViolation
        /// The server does not know, or do, what it was asked for.
        case unsupported
        /// The server says that it may not be done.
        case permissionDenied
        /// The server says that there is no room.
        case noSpace
        /// The server says that something has the name.
        case exists
        /// The server says that it did not do it with this file, for whatever reason.
        case refused
        /// The file is longer or shorter than it was said to be.
        case changed
        /// Bytes were on their way, and the server says that not all of them arrived.
        case broken
        /// The task was told to stop.
        case cancelled
    }

    /// What kind of failure it is.
    package let code: Code
    /// The failure as a whole sentence.
    package let message: String
    /// What the server said of it: as it came, for nobody has looked for secrets in it yet.
    package let words: String
    /// The number with which the server refused; nil where it did not refuse.
    package let reply: Int?
    /// The error underneath, if there is one.
    package let cause: (any Error)?

    init(_ code: Code, _ message: String, words: String = "", reply: Int? = nil, cause: (any Error)? = nil) {
        (self.code, self.message, self.words, self.reply, self.cause) = (code, message, words, reply, cause)
    }

    package var description: String { message }

    /// Whether the server said that it did not do it: then the connection is as good as before.
    package var isRefusal: Bool { reply != nil && code != .tooMany && code != .disconnected }

    /// Whether the server does not know the command.
    var isUnknownCommand: Bool { reply.map { [500, 501, 502, 504].contains($0) } ?? false }

    /// The error of work that was told to stop.
    static let cancelled = FTPError(.cancelled, "The work was stopped.")

    /// Throws `cancelled` when the task was told to stop.
    static func checkCancellation() throws(FTPError) { if Task.isCancelled { throw cancelled } }

    init(_ error: SocketError) {
        let code: Code =
            switch error.code {
            case .stopped: .cancelled
            case .timedOut: .timedOut
            case .cannotResolve, .cannotConnect, .tooManyOpen, .lost: .disconnected
            }
        self.init(code, error.message, cause: error)
    }

    init(_ error: TLSError) {
        let code: Code =
            switch error.code {
            case .badConfiguration: .badConfiguration
            case .notTrusted: .notTrusted
            case .failed: .notSecure
            }
        self.init(code, error.message, cause: error)
    }

    // MARK: Refusals

    /// The error of a reply that says no to something; `what` is a phrase such as “to give RETR”.
    init(_ reply: FTPReply, to what: String, by target: String) {
        self.init(
            Self.meaning(reply),
            "\(target) answered \(what) with \(reply.code).",
            words: reply.words,
            reply: reply.code
        )
    }

    /// What a server means, by its number, and by its words where one number has several meanings.
    private static func meaning(_ reply: FTPReply) -> Code {
        let words = reply.words.lowercased()
        func says(_ phrases: [String]) -> Bool { phrases.contains { words.contains($0) } }
        if [421, 430, 530].contains(reply.code), says(crowds) { return .tooMany }
        if reply.code == 421 { return .disconnected }
        if says(["no space", "disk full", "quota", "disk is full", "insufficient storage"]) { return .noSpace }
        switch reply.code {
        case 430, 530, 532:
            return says(["encrypt", "tls", "ssl", "secure"]) ? .needsTLS : .notAuthenticated
        case 521, 522, 533, 534, 535, 536: return says(["reuse"]) ? .notSecure : .needsTLS
        case 452, 552: return .noSpace
        case 425, 426, 451: return .broken
        case 500, 501, 502, 503, 504: return .unsupported
        case 450, 550, 553:
            if says(["denied", "privilege", "not permitted", "not allowed", "read-only", "no permission"]) {
                return .permissionDenied
            }
            return says(["exist"]) && !says(["not exist", "no such", "n't exist"]) ? .exists : .refused
        default: return .refused
        }
    }

    /// What servers say that take no more connections; each has its own words, and some the number of a bad password.
    private static let crowds = ["too many", "maximum", "max ", "limit", "already connected", "already logged in"]
}
