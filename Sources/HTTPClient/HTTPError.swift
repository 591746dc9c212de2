/// Why an exchange failed; a reply with a bad status is not a failure here.
package struct HTTPError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Sendable, Equatable {
        /// The URL is not one that can be sent.
        case badURL
        /// The method or a header field is malformed; nothing was sent.
        case badRequest
        /// The host's name has no address.
        case cannotResolve
        /// No connection could be opened.
        case cannotConnect
        /// The connection could not be made secure, or the server could not prove who it is.
        case tls
        /// The connection took too long to open, no byte moved for too long, or the total time ran out.
        case timedOut
        /// The connection broke before the reply's headers; the server may or may not have acted.
        case connectionLost
        /// The connection broke inside the reply's body.
        case truncated
        /// The body's stream held fewer or more bytes than it said; the server never saw a complete request.
        case bodyLengthMismatch
        /// The server said that all went well before it had the whole body of the request, and closed.
        case bodyNotSent
        /// The reply is longer than the limit.
        case replyTooLarge
        /// The task was cancelled, or the client was let go.
        case cancelled
        /// The server does not keep to HTTP, or its headers break the limits.
        case protocolViolation
        /// The body's stream failed; its error is the cause.
        case bodyFailed
        /// Anything else.
        case unexpected
    }

    /// What kind of failure it is.
    package let code: Code
    /// The failure as a whole sentence; it names host and port, never a query, a user or a header's value.
    package let message: String
    /// Whether the server may have got the request, and done what it asks for.
    package let mayHaveActed: Bool
    /// The error underneath, if there is one.
    package let cause: (any Error)?

    /// An error made of its parts.
    package init(code: Code, message: String, mayHaveActed: Bool? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.mayHaveActed = mayHaveActed ?? code.mayHaveActed
        self.cause = cause
    }

    package var description: String { message }

    /// The error for a body that the server praised before it had it.
    static func bodyNotSent(_ location: String) -> HTTPError {
        HTTPError(
            code: .bodyNotSent,
            message: "\(location) said that all went well and closed before it had the body of the request."
        )
    }

    /// The error for a transfer that was cancelled.
    static func cancelled(_ location: String) -> HTTPError {
        HTTPError(code: .cancelled, message: "The request to \(location) was cancelled.")
    }
}

extension HTTPError.Code {
    /// Whether the whole request may have reached the server before this happened.
    fileprivate var mayHaveActed: Bool {
        switch self {
        case .badURL, .badRequest, .cannotResolve, .cannotConnect, .tls, .bodyLengthMismatch, .bodyFailed: false
        case .timedOut, .connectionLost, .truncated, .bodyNotSent, .replyTooLarge, .cancelled, .protocolViolation,
            .unexpected:
            true
        }
    }
}
