internal import POSIX
internal import SFTPClient
internal import Schema
internal import Storage

/// Turns what goes wrong between us and a server that is reached by SSH into errors that say what to do.
enum SSHErrors {
    /// The error of a call; `what` is a phrase such as “Storing cars/x”.
    ///
    /// That an object is absent is not said here.
    static func translate(_ what: String, _ error: SFTPError) -> StorageError {
        guard error.code != .cancelled else { return StorageError.cancelled }
        let (code, retry, hint) = meaning(error)
        let words = shown(error)
        let said = words.isEmpty ? "" : " It says: “\(words)”"
        return StorageError(
            code,
            "\(what) failed: \(error.message)\(said)\(hint.isEmpty ? "" : " " + hint)",
            retry: retry,
            cause: error.cause
        )
    }

    /// The error of a program that could not be started.
    static func translate(_ what: String, starting error: FileError) -> StorageError {
        translate(what, SFTPError(error))
    }

    /// The error of a program that reaches a server and ended; what it said, and ssh, say why.
    static func translate(_ what: String, _ end: ChildEnd, of host: String) -> StorageError {
        translate(what, SFTPError(end, host, hasGreeted: false))
    }

    /// The words of others as they can be shown: without secrets, then on one line and not too many.
    ///
    /// Of what a program said before it ended, the end is what matters; of what is no answer, the beginning.
    private static func shown(_ error: SFTPError) -> String {
        let words = error.words.split(whereSeparator: \.isNewline).joined(separator: " ")
        let line = Redactor.shared.clean(echo: words)
        return String(error.code == .protocolViolation ? line.prefix(400) : line.suffix(400))
    }

    private static func meaning(_ error: SFTPError) -> (StorageError.Code, StorageError.Retry, String) {
        switch error.code {
        case .noProgram:
            let hint = "SFTP goes through the OpenSSH client: install it, or set connection.ssh_command."
            return (.badSettings, .never, hint)
        case .badConfiguration:
            return (.badSettings, .never, "Check connection.ssh_options and ssh's own configuration.")
        case .unknownHost:
            let hint = "Nobody vouches for the server's key: connect once with `ssh`, or set connection.known_hosts."
            return (.badCredentials, .never, hint)
        case .notAuthenticated:
            let hint = "Check connection.user, and credentials.key_file, the agent or credentials.password."
            return (.badCredentials, .never, hint)
        case .permissionDenied: return (.permissionDenied, .never, "Check who owns connection.path there.")
        case .noSpace: return (.quotaExceeded, .never, "There is no room: make some, or set another place.")
        case .exists: return (.exists, .never, "")
        case .unsupported: return (.unsupported, .never, "")
        case .noSuchFile: return (.unavailable, .later, "The place went away.")
        case .cannotStart, .disconnected, .timedOut, .refused: return (.unavailable, .later, "")
        case .changed: return (.changed, .never, "It was replaced while it was read.")
        case .protocolViolation: return (.unexpected, .never, "")
        case .cancelled: return (.cancelled, .never, "")
        }
    }
}
