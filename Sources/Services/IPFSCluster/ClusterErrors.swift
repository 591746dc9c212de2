internal import HTTPClient
internal import Schema
internal import Storage

/// Turns what a cluster says went wrong into errors that say what to do.
struct ClusterErrors: Sendable {
    let http: HTTPFailures

    init(host: String) {
        http = HTTPFailures(
            host: host,
            kind: "the REST API of an IPFS Cluster",
            hints: FailureHints(credentials: "check credentials.user and credentials.password, or the token")
        )
    }

    /// What a part of a message of the cluster itself means; the rest is what its nodes say.
    private static let rows: [(words: String, code: StorageError.Code, reason: String)] = [
        ("not enough peers", .unavailable, "fewer peers have room than connection.replication_min asks for"),
        ("follower mode", .permissionDenied, "the peer only follows others, and changes nothing"),
        ("could not find", .corrupt, "the peers have not all blocks of it"),
    ]

    /// The error for a reply that is not what was asked for; absence is what the cluster says in its own words.
    func translate(_ request: ClusterRequest, _ reply: HTTPReply, now: Timestamp) -> StorageError {
        guard reply.status >= 400, let message = Self.message(in: reply) else {
            if reply.status < 400 || HTTPFailures.isHTML(reply.headers) { return foreign(request) }
            guard reply.status == 404 || reply.status == 405 else {
                return http.translate(request.what, status: reply.status, reply.headers, now: now)
            }
            let reason = "\(http.host) answered \(reply.status) and is no API of a cluster; set connection.api_url"
            return http.error(.badSettings, reason, request.what)
        }
        if reply.status == 404 {
            let code: StorageError.Code = request.mayBeAbsent ? .notFound : .unavailable
            return http.error(code, "the cluster has no such thing; \(Self.shown(message))", request.what)
        }
        // Of a refusal its words say nothing that the status does not.
        if reply.status == 500, let error = known(request, message) { return error }
        let said = "; \(Self.shown(message))"
        return http.translate(request.what, status: reply.status, reply.headers, said: said, now: now)
    }

    /// The error for a message behind a good answer.
    func said(_ request: ClusterRequest, _ message: String) -> StorageError {
        let reason = "the cluster did not end what it began; \(Self.shown(message))"
        return known(request, message) ?? http.error(.unavailable, reason, request.what, .later)
    }

    private func known(_ request: ClusterRequest, _ message: String) -> StorageError? {
        let error: StorageError
        if let row = Self.rows.first(where: { message.contains($0.words) }) {
            error = http.error(row.code, "\(row.reason); \(Self.shown(message))", request.what)
        } else if let row = NodeErrors.row(of: message) {
            error = http.error(row.code, "\(row.reason); \(Self.shown(message))", request.what, row.retry)
        } else {
            return nil
        }
        return error.code == .unavailable ? error.ofUnknownOutcome : error
    }

    /// The error for an answer that is not the cluster's.
    func foreign(
        _ request: ClusterRequest,
        _ reason: String = "the answer is not that of an IPFS Cluster"
    ) -> StorageError {
        http.foreign(request.what, "\(reason); is \(http.host) the REST API of one?")
    }

    private static func shown(_ message: String) -> String {
        "the cluster says: “\(Redactor.shared.clean(echo: message).prefix(200))”"
    }

    /// The message of an error document, which has the status in it; nil for anything else.
    private static func message(in reply: HTTPReply) -> String? {
        let value = try? JSON(reading: reply.body)
        return value?["code"]?.natural == UInt64(reply.status) ? value?["message"]?.string : nil
    }
}
