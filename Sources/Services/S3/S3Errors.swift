internal import HTTPClient
internal import Schema
internal import Storage
internal import XML

/// What a reply with an error in its body says.
struct S3Fault: Sendable, Hashable {
    /// The word for the error, of letters and digits: `NoSuchKey`.
    let code: String
    /// The server's sentence, without controls and cut to a sensible length.
    let message: String
    /// The region that the request should have been signed for.
    let region: String?

    /// Reads an `<Error>` document; nil for anything else.
    init?(_ body: [UInt8]) {
        let limits = XMLLimits(depth: 16, elements: 500, bytes: 1 << 20)
        guard !body.isEmpty, let root = try? parseXML(body, limits: limits) else { return nil }
        self.init(root)
    }

    /// Takes an element that is an error; nil for another.
    init?(_ element: XMLElement) {
        guard let error = element.name == "Error" ? element : element["Error"], let code = error["Code"]?.text else {
            return nil
        }
        let word = String(code.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(64))
        guard !word.isEmpty else { return nil }
        self.code = word
        let plain = (error["Message"]?.text ?? "").unicodeScalars.filter { !$0.properties.isDefaultIgnorableCodePoint }
        let visible = plain.filter { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
        message = String(String(String.UnicodeScalarView(visible)).prefix(200))
        region = error["Region"]?.text
    }
}

/// Turns failed replies and failed exchanges into errors that say what to do.
struct S3Errors: Sendable {
    /// What one word means: the kind of failure, whether to try again, and a phrase with a hint.
    struct Row: Sendable {
        let words: [String]
        let code: StorageError.Code
        var retry = StorageError.Retry.never
        /// The reason; `BUCKET` stands for the name of the bucket.
        let reason: String
    }

    let bucket: String
    let host: String

    static let rows: [Row] = [
        Row(words: ["NoSuchKey", "NoSuchVersion"], code: .notFound, reason: "it is not in the bucket “BUCKET”"),
        Row(
            words: ["NoSuchBucket", "InvalidBucketName"],
            code: .badSettings,
            reason: "the bucket “BUCKET” is not there; make it or set connection.bucket"
        ),
        Row(
            words: ["InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken", "UnrecognizedClientException"],
            code: .badCredentials,
            reason: "the access key is not known; check credentials.access_key_id"
        ),
        Row(
            words: ["SignatureDoesNotMatch"],
            code: .badCredentials,
            reason: "the signature is wrong; check credentials.secret_access_key"
        ),
        Row(
            words: ["ExpiredToken", "TokenRefreshRequired", "RequestExpired"],
            code: .badCredentials,
            reason: "the credentials have expired; renew credentials.session_token and the keys that belong to it"
        ),
        Row(
            words: ["RequestTimeTooSkewed"],
            code: .badCredentials,
            reason: "the clocks of this machine and of the service differ too much; set this machine's clock"
        ),
        Row(
            words: ["AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"],
            code: .badSettings,
            reason: "the bucket “BUCKET” is in another region; set connection.region"
        ),
        Row(
            words: ["AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden"],
            code: .permissionDenied,
            reason: "the access key may not do that in the bucket “BUCKET”"
        ),
        Row(
            words: ["QuotaExceeded", "TooManyBuckets", "XMinioStorageFull", "InsufficientStorage", "StorageFull"],
            code: .quotaExceeded,
            reason: "the service has no more room for us"
        ),
        Row(
            words: ["EntityTooLarge", "MaxSizeExceeded"],
            code: .tooLarge,
            reason: "the service takes nothing so large"
        ),
        Row(
            words: ["EntityTooSmall"],
            code: .badSettings,
            reason: "the parts are too small for the service; raise connection.part_size"
        ),
        Row(
            words: ["BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"],
            code: .corrupt,
            retry: .later,
            reason: "the bytes were changed on their way"
        ),
        Row(
            words: ["SlowDown", "SlowDownRead", "SlowDownWrite", "RequestLimitExceeded", "TooManyRequests"],
            code: .rateLimited,
            retry: .later,
            reason: "the service asks for fewer requests"
        ),
        Row(
            words: [
                "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted", "IncompleteBody", "Busy",
            ],
            code: .unavailable,
            retry: .later,
            reason: "the service cannot do it now"
        ),
        Row(
            words: ["NoSuchUpload", "InvalidPart", "InvalidPartOrder"],
            code: .unavailable,
            retry: .later,
            reason: "the upload was ended by somebody else or lost parts; it has to begin anew"
        ),
        Row(
            words: ["InvalidObjectState"],
            code: .unavailable,
            reason: "it is in an archive class and has to be restored first"
        ),
        Row(words: ["NotImplemented", "MethodNotAllowed"], code: .unsupported, reason: "the service cannot do that"),
        Row(words: ["InvalidStorageClass"], code: .badSettings, reason: "connection.storage_class is not known there"),
    ]

    /// The error for a reply that is no success; `what` is a phrase such as “Storing cars/x”.
    func translate(_ what: String, status: Int, headers: HTTPHeaders, body: [UInt8], now: Timestamp) -> StorageError {
        let fault = S3Fault(body)
        if let fault, let row = Self.rows.first(where: { $0.words.contains(fault.code) }) {
            return error(row.code, row.reason, what, Self.wait(row.retry, headers, now))
        }
        let said = fault.map { $0.message.isEmpty ? " (\($0.code))" : " (\($0.code): “\($0.message)”)" } ?? ""
        let (code, retry, reason) = Self.meaning(ofStatus: status)
        return error(code, "\(reason)\(said)", what, Self.wait(retry, headers, now))
    }

    /// The error for an exchange that did not come to a reply.
    func translate(_ what: String, _ error: HTTPError) -> StorageError {
        let detail = error.message.hasSuffix(".") ? String(error.message.dropLast()) : error.message
        switch error.code {
        case .cancelled: return StorageError.cancelled
        // A reply that is no HTTP may be the rest of an earlier one: some servers send more than they announced.
        case .cannotResolve, .cannotConnect, .timedOut, .connectionLost, .truncated, .protocolViolation:
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

    /// An error that says what failed and why.
    func error(
        _ code: StorageError.Code,
        _ reason: String,
        _ what: String,
        _ retry: StorageError.Retry = .never,
        _ cause: (any Error)? = nil
    ) -> StorageError {
        let reason = reason.split(separator: "BUCKET", omittingEmptySubsequences: false).joined(separator: bucket)
        return StorageError(code, "\(what) failed: \(reason).", retry: retry, cause: cause)
    }

    private static func meaning(ofStatus status: Int) -> (StorageError.Code, StorageError.Retry, String) {
        let code = "the service answered \(status)"
        switch status {
        case 401: return (.badCredentials, .never, "\(code); check credentials.access_key_id and its secret")
        case 403:
            return (.permissionDenied, .never, "\(code): the access key may not do that in the bucket “BUCKET”")
        case 404: return (.notFound, .never, "it is not in the bucket “BUCKET”")
        case 405, 501: return (.unsupported, .never, "\(code): it cannot do that")
        case 413: return (.tooLarge, .never, "\(code): it takes nothing so large")
        case 429: return (.rateLimited, .later, "\(code): it asks for fewer requests")
        case 507: return (.quotaExceeded, .never, "\(code): it has no more room")
        case 408, 409, 425, 500, 502, 503, 504: return (.unavailable, .later, "\(code): it cannot do it now")
        case 300..<400:
            return (
                .badSettings, .never,
                "\(code) and points somewhere else; set connection.endpoint and connection.region to where the bucket is"
            )
        default: return (.unexpected, .never, code)
        }
    }

    /// What the server asked for in `Retry-After`, in seconds or as a date (RFC 9110 §10.2.3).
    private static func wait(
        _ retry: StorageError.Retry,
        _ headers: HTTPHeaders,
        _ now: Timestamp
    ) -> StorageError.Retry {
        guard retry == .later, let text = headers["Retry-After"] else { return retry }
        if let seconds = UInt32(text) { return .after(.seconds(Int64(seconds))) }
        guard let date = S3Encoding.date(text) else { return retry }
        return .after(.milliseconds(max(0, date.milliseconds - now.milliseconds)))
    }
}
