/// One header field of a request or a reply.
package struct HTTPField: Sendable, Equatable {
    /// The field's name, in the case it was written in.
    package let name: String
    /// The field's value, without the white space around it.
    package let value: String

    /// A field made of its parts.
    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// What a request carries after its headers; always sent with its length, never chunked.
package enum HTTPBody: Sendable {
    /// No body; a method that expects one is sent with a length of zero.
    case none
    /// Bytes in memory, sent from where they are.
    case bytes([UInt8])
    /// A stream of exactly `length` bytes, which is opened when the request starts.
    ///
    /// The stream must end soon after its task is cancelled: the request does not return before that.
    case stream(length: UInt64, open: @Sendable () -> any AsyncSequence<[UInt8], any Error> & Sendable)

    /// The length in bytes.
    package var length: UInt64 {
        switch self {
        case .none: 0
        case .bytes(let bytes): UInt64(bytes.count)
        case .stream(let length, _): length
        }
    }
}

/// What is asked of a server.
package struct HTTPRequest: Sendable {
    /// The method, as it is sent.
    package var method: String
    /// The URL, sent byte for byte: visible ASCII with `http` or `https` in front, percent-encoded by the caller.
    package var url: String
    /// The header fields, in the order they are sent.
    package var headers: [HTTPField]
    /// The body.
    package var body: HTTPBody
    /// Whether it does no harm when the server gets it twice.
    ///
    /// One that may come twice is sent again, unseen, when a kept connection turns out to have been closed. One that
    /// may not goes over a connection of its own, which nobody closed before.
    package var isRepeatable: Bool

    /// A request made of its parts; repeatable by its method (RFC 9110 §9.2.2) where nothing else is said.
    package init(
        method: String = "GET",
        url: String,
        headers: [HTTPField] = [],
        body: HTTPBody = .none,
        isRepeatable: Bool? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.isRepeatable = isRepeatable ?? Self.repeatable.contains(method)
    }

    private static let repeatable: Set = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
}
