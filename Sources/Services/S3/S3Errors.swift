internal import HTTPClient
internal import Schema
internal import Storage
internal import XML

/// What a reply with an error in its body says.
struct S3Fault: Error, Hashable {
    /// The word for the error, as it came: `NoSuchKey`.
    let code: String
    /// The server's sentence, as it came.
    let message: String
    /// The region that the request should have been signed for.
    let region: String?

    /// What is said where an upload in parts was ended by somebody else, or lost parts.
    static let lostUpload = ["NoSuchUpload", "InvalidPart", "InvalidPartOrder"]

    /// Whether an upload in parts has to begin anew.
    var tellsOfLostUpload: Bool { Self.lostUpload.contains(code) }

    /// Reads an `<Error>` document; nil for anything else.
    init?(_ body: [UInt8]) {
        let limits = XMLLimits(depth: 16, elements: 500, bytes: 1 << 20)
        guard !body.isEmpty, let root = try? parseXML(body, limits: limits) else { return nil }
        self.init(root)
    }

    /// Takes an element that is an error; nil for another.
    init?(_ element: XMLElement) {
        // Around it there is nothing, or a document of the service's own; anybody may quote an error.
        let isOwn = element.name.hasSuffix("Response") || element.name.hasSuffix("Result")
        guard let error = element.name == "Error" ? element : isOwn ? element["Error"] : nil,
            let code = error["Code"]?.text
        else { return nil }
        // Nothing is taken out of it: what hides secrets would not know them again.
        let word = String(code.drop(while: \.isWhitespace))
        guard !word.isEmpty else { return nil }
        self.code = word
        message = error["Message"]?.text ?? ""
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
    let http: HTTPFailures

    init(bucket: String, host: String) {
        self.bucket = bucket
        http = HTTPFailures(host: host, kind: "an S3 service")
    }

    var host: String { http.host }

    static let rows: [Row] = [
        Row(words: ["NoSuchKey", "NoSuchVersion"], code: .notFound, reason: "it is not in the bucket “BUCKET”"),
        Row(
            words: ["NoSuchBucket"],
            code: .unavailable,
            reason: "the bucket “BUCKET” is not there; make it or set connection.bucket"
        ),
        Row(
            words: ["InvalidBucketName"],
            code: .badSettings,
            reason: "“BUCKET” cannot be the name of a bucket; set connection.bucket"
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
            words: S3Fault.lostUpload,
            code: .unavailable,
            reason: "the upload was ended by somebody else or lost parts; it has to begin anew"
        ),
        Row(
            words: ["InvalidObjectState"],
            code: .unavailable,
            reason: "it is in an archive class and has to be restored first"
        ),
        Row(words: ["PreconditionFailed"], code: .changed, reason: "it was replaced in the meantime"),
        Row(words: ["NotImplemented", "MethodNotAllowed"], code: .unsupported, reason: "the service cannot do that"),
        Row(words: ["InvalidStorageClass"], code: .badSettings, reason: "connection.storage_class is not known there"),
    ]

    /// The error for a reply that is no success; `what` is a phrase such as “Storing cars/x”.
    ///
    /// Absence is what the service says in its own words, and a status alone is none of them.
    func translate(_ what: String, status: Int, headers: HTTPHeaders, body: [UInt8], now: Timestamp) -> StorageError {
        let fault = S3Fault(body)
        if let fault, let row = Self.rows.first(where: { $0.words.contains(fault.code) }),
            row.code != .notFound || status == 404
        {
            let error = error(row.code, row.reason, what, HTTPFailures.wait(row.retry, headers, now), fault)
            return fault.code == "InternalError" ? error.ofUnknownOutcome : error
        }
        if (200..<400).contains(status) || status == 404, isPage(headers, body) { return foreign(what) }
        if (300..<400).contains(status), headers["x-amz-bucket-region"] != nil {
            return error(.badSettings, "the bucket “BUCKET” is in another region; set connection.region", what)
        }
        let (code, retry, reason) = Self.meaning(ofStatus: status)
        let error = error(code, reason + said(fault), what, HTTPFailures.wait(retry, headers, now))
        return code == .unavailable ? error.ofUnknownOutcome : error
    }

    /// What the service said, for people.
    private func said(_ fault: S3Fault?) -> String {
        guard let fault else { return "" }
        let word = Redactor.shared.clean(echo: fault.code).prefix(64)
        let message = Redactor.shared.clean(echo: fault.message).prefix(200)
        return message.isEmpty ? " (\(word))" : " (\(word): “\(message)”)"
    }

    /// Whether somebody answers with a page for people: a proxy, a portal, or a server that is no S3 service.
    ///
    /// Some services call everything a page, so what is a document of theirs, or nothing at all, is none.
    func isPage(_ headers: HTTPHeaders, _ body: [UInt8]) -> Bool {
        let start = String(decoding: body.prefix(256), as: UTF8.self).lowercased().drop { $0.isWhitespace }
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") { return true }
        guard !body.isEmpty, HTTPFailures.isHTML(headers) || start.hasPrefix("<") else { return false }
        let root = try? parseXML(body)
        return root == nil ? HTTPFailures.isHTML(headers) : root?.name.lowercased() == "html"
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
        return http.error(code, reason, what, retry, cause)
    }

    /// The error for an answer that is not the service's: what was asked for may have been done or not.
    func foreign(_ what: String, _ reason: String? = nil) -> StorageError { http.foreign(what, reason) }

    /// What a status means here.
    private static func meaning(ofStatus status: Int) -> (StorageError.Code, StorageError.Retry, String) {
        let (code, retry, reason) = HTTPFailures.meaning(ofStatus: status)
        let said = "the service answered \(status)"
        switch status {
        case 401: return (code, retry, "\(said); check credentials.access_key_id and its secret")
        case 403: return (code, retry, "\(said): the access key may not do that in the bucket “BUCKET”")
        case 300..<400:
            return (
                code, retry, "\(reason) Or are connection.endpoint and connection.region not where the bucket is?"
            )
        default: return (code, retry, reason)
        }
    }
}
