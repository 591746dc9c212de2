internal import HTTPClient
internal import Storage

/// The words by which services that speak Amazon's protocol call their errors.
extension [FailureRow] {
    /// What is said where an upload in parts was ended by somebody else, or lost parts.
    fileprivate static let lostUpload = "NoSuchUpload InvalidPart InvalidPartOrder"

    /// What the words mean.
    static let amazon: [FailureRow] = [
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
}

extension StorageError {
    /// Whether it tells that an upload in parts has to begin anew.
    var tellsOfLostUpload: Bool {
        guard let fault = cause as? XMLFault else { return false }
        return [FailureRow].lostUpload.split(separator: " ").contains { $0 == fault.code }
    }
}

extension HTTPFailures {
    /// The error where an upload was refused because it was to be locked; nil for another answer.
    ///
    /// There are no better words than that the request is none: some say nothing more.
    func lockRefusal(_ headers: [HTTPField], _ reply: HTTPReply, _ what: String) -> StorageError? {
        guard reply.status == 400, AmazonHeaders.isLocking(headers), let fault = XMLFault(reply.body),
            ["InvalidRequest", "InvalidArgument"].contains(fault.code)
        else { return nil }
        return error(
            .badSettings,
            "the service does not lock it\(Self.said(fault.code, fault.message)): the bucket “\(place)” has to have Object "
                + "Lock, which is chosen when it is made; else set connection.object_lock to off",
            what
        )
    }
}
