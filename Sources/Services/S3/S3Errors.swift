internal import HTTPClient
internal import Schema
internal import Storage

/// Turns failed replies and failed exchanges into errors that say what to do.
struct S3Errors: Sendable {
    let http: HTTPFailures

    init(bucket: String, host: String) {
        let hints = FailureHints(
            credentials: "check credentials.access_key_id and its secret",
            permission: "the access key may not do that in the bucket “\(bucket)”",
            elsewhere: "does one have to log in first? Or are connection.endpoint and connection.region not where the "
                + "bucket is?"
        )
        http = HTTPFailures(host: host, kind: "an S3 service", place: bucket, own: ["x-amz-request-id"], hints: hints)
    }

    /// What is said where an upload in parts was ended by somebody else, or lost parts.
    private static let lostUpload = "NoSuchUpload InvalidPart InvalidPartOrder"

    /// Whether an error tells that an upload in parts has to begin anew.
    static func tellOfLostUpload(_ error: StorageError) -> Bool {
        guard let fault = error.cause as? XMLFault else { return false }
        return lostUpload.split(separator: " ").contains { $0 == fault.code }
    }

    static let rows: [FailureRow] = [
        FailureRow("NoSuchKey NoSuchVersion", .notFound, "it is not in the bucket “PLACE”"),
        FailureRow("NoSuchBucket", .unavailable, "the bucket “PLACE” is not there; make it or set connection.bucket"),
        FailureRow("InvalidBucketName", .badSettings, "“PLACE” cannot be the name of a bucket; set connection.bucket"),
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
            "the bucket “PLACE” is in another region; set connection.region"
        ),
        FailureRow(
            "AccessDenied AllAccessDisabled AccountProblem Forbidden",
            .permissionDenied,
            "the access key may not do that in the bucket “PLACE”"
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
            "ServiceUnavailable RequestTimeout OperationAborted IncompleteBody Busy",
            .unavailable,
            "the service cannot do it now",
            retry: .later
        ),
        FailureRow("InternalError", .unavailable, "the service cannot do it now", retry: .later, mayHaveHappened: true),
        FailureRow(
            lostUpload,
            .unavailable,
            "the upload was ended by somebody else or lost parts; it has to begin anew"
        ),
        FailureRow("InvalidObjectState", .unavailable, "it is in an archive class, and nothing can be read there"),
        FailureRow("PreconditionFailed", .changed, "it was replaced in the meantime"),
        FailureRow("NotImplemented MethodNotAllowed", .unsupported, "the service cannot do that"),
        FailureRow("InvalidStorageClass", .badSettings, "connection.storage_class is not known there"),
    ]

    /// The error for a reply that is no success; `what` is a phrase such as “Storing cars/x”.
    func translate(_ what: String, _ reply: HTTPReply, now: Timestamp) -> StorageError {
        // A reply without words may have a field instead.
        let isElsewhere = (300..<400).contains(reply.status) && reply.headers["x-amz-bucket-region"] != nil
        let fault = XMLFault(reply.body) ?? (isElsewhere ? XMLFault(code: "PermanentRedirect") : nil)
        return http.translate(what, reply, saying: fault, Self.rows, now: now)
    }
}
