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

    /// The error for a reply that is no success; `what` is a phrase such as “Storing cars/x”.
    func translate(_ what: String, _ reply: HTTPReply, now: Timestamp) -> StorageError {
        // A reply without words may have a field instead.
        let isElsewhere = (300..<400).contains(reply.status) && reply.headers["x-amz-bucket-region"] != nil
        let fault = XMLFault(reply.body) ?? (isElsewhere ? XMLFault(code: "PermanentRedirect") : nil)
        return http.translate(what, reply, saying: fault, .amazon, now: now)
    }
}
