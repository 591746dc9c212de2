internal import HTTPClient
internal import Schema
internal import Storage

/// Turns what a node says went wrong into errors that say what to do.
struct NodeErrors: Sendable {
    /// What may be said not to be there: nothing else that is missing counts as the absence of what was asked for.
    enum Subject: Sendable { case pin, file, block }

    /// What a part of a message means: the kind of failure, whether to try again, and a reason.
    struct Row: Sendable {
        let words: [String]
        /// Whose absence it tells, where that is what was asked for.
        var subject: Subject?
        let code: StorageError.Code
        var retry = StorageError.Retry.never
        let reason: String
    }

    /// How the settings are called that a hint names.
    struct Words: Sendable {
        var address = "connection.api_url"
        /// What to do where the node asks for other credentials.
        var credentials =
            "set credentials.api_auth to what API.Authorizations of the node has, with all commands under /api/v0 allowed"
    }

    let http: HTTPFailures
    let words: Words

    init(host: String, words: Words = Words()) {
        http = HTTPFailures(host: host, kind: "the RPC API of a Kubo node")
        self.words = words
    }

    /// The first row counts of which a word stands in the message.
    static let rows: [Row] = [
        Row(
            words: ["is not pinned", "not pinned or pinned indirectly"],
            subject: .pin,
            code: .unexpected,
            reason: "it is not pinned on the node"
        ),
        Row(
            words: ["file does not exist"],
            subject: .file,
            code: .unavailable,
            retry: .later,
            reason: "the node has no such file or folder"
        ),
        Row(
            words: ["found locally", "could not find", "block not found", "failed to fetch all nodes"],
            subject: .block,
            code: .corrupt,
            reason: "the node has not all blocks of it"
        ),
        Row(
            words: ["mismatch in content integrity", "hash mismatch"],
            code: .corrupt,
            retry: .later,
            reason: "the bytes were changed on their way"
        ),
        Row(
            words: ["no space left on device", "disk quota exceeded", "storage limit"],
            code: .quotaExceeded,
            reason: "the node has no more room"
        ),
        Row(words: ["big blocks", "too large"], code: .tooLarge, reason: "the node takes nothing so large"),
        Row(
            words: ["no decoder registered", "unknown multicodec", "unrecognized codec", "insecure hash", "no hasher"],
            code: .unsupported,
            reason: "the node does not know a codec or a hash function of it"
        ),
        Row(words: ["is a directory", "was not a file"], code: .exists, reason: "there is a folder in its place"),
        Row(
            words: ["has the lock", "lock is already", "repo.lock"],
            code: .unavailable,
            retry: .later,
            reason: "another program works on the node's repository"
        ),
        Row(
            words: ["online mode"],
            code: .unavailable,
            reason: "the node is offline, and cannot do that then"
        ),
        Row(
            words: ["unexpected EOF", "context canceled", "context deadline exceeded", "connection reset"],
            code: .unavailable,
            retry: .later,
            reason: "the node gave up before it was done"
        ),
    ]

    /// What a message means; nil where nobody here knows.
    static func row(of message: String) -> Row? {
        rows.first { row in row.words.contains { message.contains($0) } }
    }

    /// The error for a reply that is no success; absence is what the node says of the subject in its own words.
    func translate(_ request: NodeRequest, _ reply: HTTPReply, now: Timestamp) -> StorageError {
        if let message = Self.message(in: try? JSON(reading: reply.body)) {
            return said(request, message, status: reply.status)
        }
        if (200..<400).contains(reply.status) || HTTPFailures.isHTML(reply.headers) {
            return http.foreign(request.what)
        }
        let text = String(decoding: reply.body.prefix(200), as: UTF8.self)
        switch reply.status {
        case 403 where text.hasPrefix("Kubo RPC Access Denied"):
            return error(
                .badCredentials,
                "the node asks for other credentials; \(words.credentials)",
                request
            )
        case 403:
            return error(
                .permissionDenied,
                "\(http.host) refuses the request; does API.HTTPHeaders of the node, or a proxy before it, let it in?",
                request
            )
        case 404, 405:
            return error(
                .badSettings,
                "\(http.host) answered \(reply.status) and is not the RPC API of a Kubo node; set \(words.address) to that, "
                    + "and not to a gateway",
                request
            )
        default: return http.translate(request.what, status: reply.status, reply.headers, now: now)
        }
    }

    /// The error for a message of the node; absence is told with a status, and not in or behind a good answer.
    func said(_ request: NodeRequest, _ message: String, status: Int? = nil) -> StorageError {
        let shown = "the node says: “\(Redactor.shared.clean(echo: message).prefix(200))”"
        guard let row = Self.row(of: message) else {
            let (code, retry, reason) = http.meaning(ofStatus: status ?? 500)
            return error(code, "\(reason); \(shown)", request, retry).ofUnknownOutcome
        }
        let isAbsence = row.subject != nil && row.subject == request.subject && status == 500
        let reason = "\(row.reason); \(shown)"
        if isAbsence { return error(.notFound, reason, request) }
        let error = error(row.code, reason, request, row.retry)
        return row.code == .unavailable ? error.ofUnknownOutcome : error
    }

    /// The message of an error document; nil for anything else.
    static func message(in value: JSON?) -> String? {
        guard let value, value["Type"]?.string == "error" else { return nil }
        return value["Message"]?.string
    }

    /// The error for an answer that is not the node's.
    func foreign(_ request: NodeRequest, _ reason: String = "the answer is not that of a Kubo node") -> StorageError {
        http.foreign(request.what, "\(reason); is \(http.host) the RPC API of one?")
    }

    private func error(
        _ code: StorageError.Code,
        _ reason: String,
        _ request: NodeRequest,
        _ retry: StorageError.Retry = .never
    ) -> StorageError {
        http.error(code, reason, request.what, retry)
    }
}
