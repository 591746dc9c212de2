extension HTTPRequest {
    /// Bodies longer than this are sent with an expectation by curl itself, in bytes.
    private static let curlExpectsAbove: UInt64 = 1 << 20

    /// Host and port, for messages: nothing of the path, the query or the user in the URL.
    var location: String {
        let scheme = url.prefix { $0 != ":" }
        let rest = url.dropFirst(scheme.count + 3).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let host = rest.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        if host.split(separator: "]").last?.contains(":") == true { return String(host) }
        return "\(host):\(scheme.lowercased() == "https" ? 443 : 80)"
    }

    /// Whether the body goes out by way of the read callback; then a length is sent even when it is zero.
    var isUpload: Bool {
        guard case .none = body else { return true }
        return ["PUT", "POST", "PATCH"].contains(method)
    }

    /// Whether the body may be sent from its beginning once more.
    var isRewindable: Bool {
        if case .stream = body { return false }
        return isRepeatable
    }

    /// Refuses a URL that could not be sent byte for byte.
    func checkURL() throws(HTTPError) {
        let lowered = url.prefix(8).lowercased()
        let isVisible = url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }
        guard isVisible, lowered.hasPrefix("http://") || lowered == "https://" else {
            throw HTTPError(code: .badURL, message: "A URL must be http or https and percent-encoded.")
        }
    }

    /// The header lines in curl's notation; throws when a field could smuggle in another.
    func wireHeaders(_ options: HTTPOptions) throws(HTTPError) -> [String] {
        guard !method.isEmpty, method.utf8.allSatisfy(isTokenByte) else {
            throw HTTPError(code: .badRequest, message: "A request to \(location) has a malformed method.")
        }
        var lines: [String] = []
        for field in headers {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(isTokenByte) else {
                throw HTTPError(code: .badRequest, message: "A request to \(location) has a malformed header name.")
            }
            guard field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw HTTPError(
                    code: .badRequest,
                    message: "The header \(field.name) of a request to \(location) holds a control character."
                )
            }
            if try isWrittenByUs(field) { continue }
            // To curl, "Name:" means "leave this header out" and "Name;" means "send it empty".
            lines.append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        let given = HTTPHeaders(headers)
        if given["Accept-Encoding"] == nil { lines.append("Accept-Encoding: identity") }
        if given["Expect"] == nil, let line = expectLine(options) { lines.append(line) }
        return lines
    }

    /// What to tell curl about waiting for the server's consent; nil when its own habit is right.
    ///
    /// Only an expectation of its own is dropped by curl after a "417 Expectation Failed".
    private func expectLine(_ options: HTTPOptions) -> String? {
        guard body.length > UInt64(max(options.expectContinueAbove, 0)) else { return "Expect:" }
        return body.length > Self.curlExpectsAbove ? nil : "Expect: 100-continue"
    }

    /// Whether a field is left to curl, which takes it from the body; throws when the two disagree.
    private func isWrittenByUs(_ field: HTTPField) throws(HTTPError) -> Bool {
        switch field.name.lowercased() {
        case "content-length":
            guard field.value == String(body.length) else {
                throw HTTPError(
                    code: .badRequest,
                    message: "The Content-Length given for a request to \(location) is not the body's length."
                )
            }
            return true
        case "transfer-encoding":
            throw HTTPError(
                code: .badRequest,
                message: "A request to \(location) asks for a transfer encoding; none is ever used."
            )
        default:
            return false
        }
    }
}

/// Whether a byte may stand in a method or a header name (RFC 9110, section 5.6.2).
private func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default:
        "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}
