internal import CCurl

extension HTTPError {
    /// Translates curl's result; `inBody` says whether the reply's headers had come, `detail` is curl's own sentence.
    init(_ result: CURLcode, location: String, inBody: Bool, detail: String) {
        let reason = Self.shown(detail.isEmpty ? unsafe String(cString: curl_easy_strerror(result)) : detail)
        switch result {
        case CURLE_URL_MALFORMAT:
            self.init(code: .badURL, message: "The URL of a request to \(location) is malformed.")
        case CURLE_COULDNT_RESOLVE_PROXY:
            // What curl says of a proxy may repeat its URL, and that may hold a password.
            self.init(
                code: .cannotResolve,
                message: "The proxy that the environment names for \(location) has no address, or is no proxy's URL."
            )
        case CURLE_COULDNT_RESOLVE_HOST:
            self.init(code: .cannotResolve, message: "The address of \(location) was not found (\(reason)).")
        case CURLE_COULDNT_CONNECT, CURLE_PROXY, CURLE_INTERFACE_FAILED:
            self.init(code: .cannotConnect, message: "No connection to \(location) could be opened (\(reason)).")
        case CURLE_OPERATION_TIMEDOUT:
            self.init(
                code: .timedOut,
                message: "Opening a connection to \(location) took too long.",
                mayHaveActed: false
            )
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CRL_BADFILE,
            CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_PINNEDPUBKEYNOTMATCH,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED, CURLE_SSL_CLIENTCERT:
            self.init(code: .tls, message: "The connection to \(location) could not be made secure (\(reason)).")
        case CURLE_PARTIAL_FILE:
            self.init(code: .truncated, message: "The reply of \(location) ended before its last byte.")
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_SEND_FAIL_REWIND:
            self.init(
                code: inBody ? .truncated : .connectionLost,
                message: inBody
                    ? "The reply of \(location) ended before its last byte."
                    : "The connection to \(location) was lost before the reply came."
            )
        case CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_BAD_CONTENT_ENCODING,
            CURLE_UNSUPPORTED_PROTOCOL:
            self.init(code: .protocolViolation, message: "The reply of \(location) is not valid HTTP (\(reason)).")
        case CURLE_OUT_OF_MEMORY where !inBody:
            // What curl says of a header line that is longer than its own limit.
            self.init(code: .protocolViolation, message: "The headers of the reply of \(location) are too long.")
        default:
            self.init(code: .unexpected, message: "The request to \(location) failed (\(reason)).")
        }
    }

    /// A sentence of curl's as it can be shown: parts of it may come from the server, and a URL may hold a password.
    private static func shown(_ text: String) -> String {
        var text = String(
            String.UnicodeScalarView(
                text.unicodeScalars.filter { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
            )
        )
        if let start = text.firstRange(of: "://"), let end = text.lastIndex(of: "@"), start.upperBound <= end {
            text.replaceSubrange(start.upperBound..<end, with: "…")
        }
        return String(text.prefix(200))
    }
}
