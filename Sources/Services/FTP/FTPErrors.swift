internal import FTPClient
internal import Schema
internal import Storage

/// Turns what goes wrong between us and a server into errors that say what to do.
enum FTPErrors {
    /// The error of a call; `what` is a phrase such as “Storing cars/x”.
    ///
    /// That an object is absent is not said here.
    static func translate(_ what: String, _ error: FTPError) -> StorageError {
        guard error.code != .cancelled else { return StorageError.cancelled }
        let (code, retry, hint) = meaning(error)
        let words = shown(error.words)
        let said = words.isEmpty ? "" : " It says: “\(words)”"
        return StorageError(
            code,
            "\(what) failed: \(error.message)\(said)\(hint.isEmpty ? "" : " " + hint)",
            retry: retry,
            cause: error.cause
        )
    }

    /// The words of others as they can be shown: without secrets, then on one line and not too many.
    private static func shown(_ words: String) -> String {
        let line = words.split(whereSeparator: \.isNewline).joined(separator: " ")
        return String(Redactor.shared.clean(echo: line).prefix(400))
    }

    private static func meaning(_ error: FTPError) -> (StorageError.Code, StorageError.Retry, String) {
        switch error.code {
        case .badConfiguration: return (.badSettings, .never, "")
        case .notTrusted:
            let hint = "Set connection.ca_file to who vouches for it, or ask for it by the name that it has there."
            return (.badCredentials, .never, hint)
        case .notSecure where error.reply != nil:
            let hint = "Set connection.tls to what the server offers: explicit, implicit, or none."
            return (.badSettings, .never, hint)
        case .notSecure: return (.unavailable, .later, "Is connection.tls what the server speaks on that port?")
        case .needsTLS: return (.badSettings, .never, "Set connection.tls to explicit or implicit.")
        case .notAuthenticated: return (.badCredentials, .never, "Check credentials.user and credentials.password.")
        case .tooMany:
            return (.rateLimited, .later, "Set connection.connections to what the server takes from one address.")
        case .permissionDenied: return (.permissionDenied, .never, "Check what the user may do in connection.path.")
        case .noSpace: return (.quotaExceeded, .never, "There is no room: make some, or set another place.")
        case .exists: return (.exists, .never, "")
        case .unsupported: return (.unsupported, .never, "")
        case .changed: return (.unavailable, .later, "It may be replaced just now.")
        case .disconnected, .timedOut, .refused, .broken: return (.unavailable, .later, "")
        case .protocolViolation: return (.unexpected, .never, "")
        case .cancelled: return (.cancelled, .never, "")
        }
    }
}

/// The value of a call to a server; `what` is a phrase such as “Storing cars/x”.
func ftp<Value>(
    _ what: @autoclosure () -> String,
    _ work: () async throws(FTPError) -> Value
) async throws(StorageError) -> Value {
    do throws(FTPError) {
        return try await work()
    } catch {
        throw FTPErrors.translate(what(), error)
    }
}
