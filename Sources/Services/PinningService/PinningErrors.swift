internal import HTTPClient
internal import Schema
internal import Storage

/// Turns what goes wrong between us and a pinning service into errors that say what to do.
struct PinningErrors: Sendable {
    let http: HTTPFailures

    init(host: String) {
        let hints = FailureHints(
            credentials: "check credentials.token",
            permission: "the token may not do that there; does the plan or the scope of the key have it?"
        )
        http = HTTPFailures(host: host, kind: "a pinning service", hints: hints)
    }

    static let rows: [FailureRow] = [
        FailureRow("NOT_FOUND", .notFound, "the service does not know it"),
        FailureRow("UNAUTHORIZED INVALID_CREDENTIALS", .badCredentials, "unknown token; check credentials.token"),
        FailureRow("INSUFFICIENT_FUNDS", .quotaExceeded, "the plan or the account there has no room for it"),
        FailureRow("DUPLICATE_OBJECT", .exists, "the service keeps one request for each CID; remove the other one"),
        FailureRow("RATE_LIMITED TOO_MANY_REQUESTS", .rateLimited, "it asks for fewer requests", retry: .later),
        FailureRow("INTERNAL_SERVER_ERROR", .unavailable, "it cannot do it now", retry: .later, mayHaveHappened: true),
    ]

    /// The error for a reply that is no success; absence is what the service says in its own words of what was asked
    /// for by its number.
    func translate(_ call: PinningRequest, _ reply: HTTPReply, now: Timestamp) -> StorageError {
        let fault = JSONFault(reply.body)
        let row = fault.flatMap { Self.rows.row(of: $0.reason) }
        let said = fault.map { HTTPFailures.said($0.reason, $0.details) } ?? ""
        if reply.status == 404, !call.isOfOne {
            let reason = "\(http.host) answered 404 and has no such API there; check connection.endpoint"
            return http.error(.badSettings, reason, call.what)
        }
        if let row, row.code != .notFound || reply.status == 404 {
            let retry = HTTPFailures.wait(row.retry, reply.headers, now)
            let error = http.error(row.code, row.reason + said, call.what, retry, fault)
            return row.mayHaveHappened ? error.ofUnknownOutcome : error
        }
        let isNothing = (200..<400).contains(reply.status) || HTTPFailures.isPage(reply.headers, reply.body)
        if fault == nil, isNothing { return http.foreign(call.what) }
        // In the pinning API that is what a plan does not cover.
        if reply.status == 409 || reply.status == 402 {
            return http.error(.quotaExceeded, "the plan or the account there has no room for it\(said)", call.what)
        }
        return http.translate(call.what, status: reply.status, reply.headers, said: said, now: now)
    }

    /// The error for an answer that is not the service's.
    func foreign(_ call: PinningRequest, _ reason: String = "the answer is none of the API's") -> StorageError {
        http.foreign(call.what, "\(reason); is \(http.host) one?")
    }
}
