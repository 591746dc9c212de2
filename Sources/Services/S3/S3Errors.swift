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
    static let lostUpload = "NoSuchUpload InvalidPart InvalidPartOrder"

    /// Whether an upload in parts has to begin anew.
    var tellsOfLostUpload: Bool { Self.lostUpload.split(separator: " ").contains { $0 == code } }

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
    let bucket: String
    let http: HTTPFailures

    init(bucket: String, host: String) {
        self.bucket = bucket
        http = HTTPFailures(host: host, kind: "an S3 service")
    }

    static let rows: [FailureRow] = [
        FailureRow("NoSuchKey NoSuchVersion", .notFound, "it is not in the bucket “BUCKET”"),
        FailureRow(
            "NoSuchBucket",
            .unavailable,
            "the bucket “BUCKET” is not there; make it or set connection.bucket"
        ),
        FailureRow(
            "InvalidBucketName",
            .badSettings,
            "“BUCKET” cannot be the name of a bucket; set connection.bucket"
        ),
        FailureRow(
            "InvalidAccessKeyId InvalidClientTokenId InvalidToken UnrecognizedClientException",
            .badCredentials,
            "the access key is not known; check credentials.access_key_id"
        ),
        FailureRow(
            "SignatureDoesNotMatch",
            .badCredentials,
            "the signature is wrong; check credentials.secret_access_key"
        ),
        FailureRow(
            "ExpiredToken TokenRefreshRequired RequestExpired",
            .badCredentials,
            "the credentials have expired; renew credentials.session_token and the keys that belong to it"
        ),
        FailureRow(
            "RequestTimeTooSkewed",
            .badCredentials,
            "the clocks of this machine and of the service differ too much; set this machine's clock"
        ),
        FailureRow(
            "AuthorizationHeaderMalformed PermanentRedirect IllegalLocationConstraintException",
            .badSettings,
            "the bucket “BUCKET” is in another region; set connection.region"
        ),
        FailureRow(
            "AccessDenied AllAccessDisabled AccountProblem Forbidden",
            .permissionDenied,
            "the access key may not do that in the bucket “BUCKET”"
        ),
        FailureRow(
            "QuotaExceeded TooManyBuckets XMinioStorageFull InsufficientStorage StorageFull",
            .quotaExceeded,
            "the service has no more room for us"
        ),
        FailureRow("EntityTooLarge MaxSizeExceeded", .tooLarge, "the service takes nothing so large"),
        FailureRow(
            "EntityTooSmall",
            .badSettings,
            "the parts are too small for the service; raise connection.part_size"
        ),
        FailureRow(
            "BadDigest InvalidDigest XAmzContentSHA256Mismatch XAmzContentChecksumMismatch",
            .corrupt,
            "the bytes were changed on their way",
            retry: .later
        ),
        FailureRow(
            "SlowDown SlowDownRead SlowDownWrite RequestLimitExceeded TooManyRequests",
            .rateLimited,
            "the service asks for fewer requests",
            retry: .later
        ),
        FailureRow(
            "ServiceUnavailable InternalError RequestTimeout OperationAborted IncompleteBody Busy",
            .unavailable,
            "the service cannot do it now",
            retry: .later
        ),
        FailureRow(
            S3Fault.lostUpload,
            .unavailable,
            "the upload was ended by somebody else or lost parts; it has to begin anew"
        ),
        FailureRow("InvalidObjectState", .unavailable, "it is in an archive class and has to be restored first"),
        FailureRow("PreconditionFailed", .changed, "it was replaced in the meantime"),
        FailureRow("NotImplemented MethodNotAllowed", .unsupported, "the service cannot do that"),
        FailureRow("InvalidStorageClass", .badSettings, "connection.storage_class is not known there"),
    ]

    /// The error for a reply that is no success; `what` is a phrase such as “Storing cars/x”.
    ///
    /// Absence is what the service says in its own words, and a status alone is none of them.
    func translate(_ what: String, status: Int, headers: HTTPHeaders, body: [UInt8], now: Timestamp) -> StorageError {
        let fault = S3Fault(body)
        if let fault, let row = Self.rows.row(of: fault.code), row.code != .notFound || status == 404 {
            let error = error(row.code, row.reason, what, HTTPFailures.wait(row.retry, headers, now), fault)
            return fault.code == "InternalError" ? error.ofUnknownOutcome : error
        }
        if (200..<400).contains(status) || status == 404, HTTPFailures.isPage(headers, body) {
            return http.foreign(what)
        }
        if (300..<400).contains(status), headers["x-amz-bucket-region"] != nil {
            return error(.badSettings, "the bucket “BUCKET” is in another region; set connection.region", what)
        }
        let (code, retry, reason) = Self.meaning(ofStatus: status)
        let said = fault.map { HTTPFailures.said($0.code, $0.message) } ?? ""
        let error = error(code, reason + said, what, HTTPFailures.wait(retry, headers, now))
        return code == .unavailable ? error.ofUnknownOutcome : error
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
