internal import HTTPClient
internal import Schema
internal import Storage

/// What to do about a status of which the service says nothing, in the words of its settings.
struct FailureHints: Sendable {
    var credentials = "check the credentials"
    var permission = "the credentials do not allow that"
    var elsewhere = "does one have to log in first?"
}

/// Turns what goes wrong between us and an HTTP service into errors that say what to do.
struct HTTPFailures: Sendable {
    /// The host that is asked.
    let host: String
    /// What it should be: “an S3 service”.
    let kind: String
    /// The name of what is asked, such as a bucket.
    var place = ""
    /// The names of fields that nobody but the service has in its replies; a cache before it has others.
    var own: [String] = []
    var hints = FailureHints()

    /// An error that says what failed and why; `what` is a phrase such as “Storing cars/x”.
    func error(
        _ code: StorageError.Code,
        _ reason: String,
        _ what: String,
        _ retry: StorageError.Retry = .never,
        _ cause: (any Error)? = nil
    ) -> StorageError {
        StorageError(code, "\(what) failed: \(reason)\(reason.hasSuffix("?") ? "" : ".")", retry: retry, cause: cause)
    }

    /// The error for an answer that is not the service's: what was asked for may have been done or not.
    func foreign(_ what: String, _ reason: String? = nil) -> StorageError {
        let page = "\(host) answered with a web page; is this endpoint \(kind), or does one have to log in first?"
        return error(.unavailable, reason ?? page, what, .later).ofUnknownOutcome
    }

    /// The error for an exchange that did not come to a reply.
    func translate(_ what: String, _ error: HTTPError) -> StorageError {
        let translated = meaning(what, error)
        return error.mayHaveActed ? translated.ofUnknownOutcome : translated
    }

    private func meaning(_ what: String, _ error: HTTPError) -> StorageError {
        let detail = error.message.hasSuffix(".") ? String(error.message.dropLast()) : error.message
        switch error.code {
        case .cancelled: return StorageError.cancelled
        // A reply that is no HTTP may be the rest of an earlier one: some servers send more than they announced.
        case .cannotResolve, .cannotConnect, .timedOut, .connectionLost, .truncated, .protocolViolation, .bodyNotSent:
            return self.error(
                .unavailable,
                "\(host) could not be reached or did not answer: \(detail)",
                what,
                .later,
                error
            )
        case .tls:
            let hint = "set connection.ca_file where the service has an authority of its own"
            return self.error(.unavailable, "\(detail); \(hint)", what, .never, error)
        case .bodyFailed:
            return error.cause as? StorageError ?? self.error(.unexpected, detail, what, .never, error)
        case .bodyLengthMismatch: return self.error(.corrupt, detail, what, .never, error)
        case .badURL, .badRequest, .replyTooLarge, .unexpected:
            return self.error(.unexpected, detail, what, .never, error)
        }
    }

    /// What a status means that the service says nothing of: the kind of failure, whether to try again, and a phrase.
    func meaning(ofStatus status: Int) -> (StorageError.Code, StorageError.Retry, String) {
        let code = "the service answered \(status)"
        switch status {
        case 401: return (.badCredentials, .never, "\(code); \(hints.credentials)")
        case 403: return (.permissionDenied, .never, "\(code): \(hints.permission)")
        case 404: return (.unavailable, .never, "\(code) and does not say what is missing")
        case 412: return (.changed, .never, "it was replaced in the meantime")
        case 405, 501: return (.unsupported, .never, "\(code): it cannot do that")
        case 413: return (.tooLarge, .never, "\(code): it takes nothing so large")
        case 423: return (.unavailable, .later, "\(code): somebody has locked it")
        case 429: return (.rateLimited, .later, "\(code): it asks for fewer requests")
        case 507: return (.quotaExceeded, .never, "\(code): it has no more room")
        case 408, 409, 425, 500, 502, 503, 504: return (.unavailable, .later, "\(code): it cannot do it now")
        case 300..<400:
            return (.unavailable, .never, "\(code) and points somewhere else; \(hints.elsewhere)")
        default: return (.unexpected, .never, code)
        }
    }

    /// What the server asked for in `Retry-After`, in seconds or as a date (RFC 9110 §10.2.3).
    static func wait(
        _ retry: StorageError.Retry,
        _ headers: HTTPHeaders,
        _ now: Timestamp
    ) -> StorageError.Retry {
        guard retry == .later, let text = headers["Retry-After"] else { return retry }
        // No wait is worth more than an hour to anybody; the layer that waits has a bound of its own, below that.
        if let seconds = httpNumber(text) { return .after(.seconds(Int64(min(seconds, 3600)))) }
        guard let date = HTTPText.date(text) else { return retry }
        return .after(.milliseconds(min(max(0, date.milliseconds - now.milliseconds), 3_600_000)))
    }

    /// Whether a reply says that it is a page.
    static func isHTML(_ headers: HTTPHeaders) -> Bool {
        headers["Content-Type"]?.lowercased().contains("html") == true
    }

    /// Whether a body came in another form than the one in which it is kept.
    ///
    /// We ask for none, and somebody in between may not care. That an upload came in signed pieces changes nothing.
    static func isEncoded(_ headers: HTTPHeaders) -> Bool {
        let forms = headers["Content-Encoding"]?.lowercased().split { $0 == "," || $0 == " " } ?? []
        return forms.contains { $0 != "identity" && $0 != "aws-chunked" }
    }
}
