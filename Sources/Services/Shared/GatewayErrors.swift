internal import HTTPClient
internal import IPLD
internal import Schema
internal import Storage

/// Turns what a host answers into errors that say what to do.
struct GatewayErrors: Sendable {
    let http: HTTPFailures
    private let host: GatewayHost

    /// Names the setting by which the host knows who asks.
    init(_ host: GatewayHost, credentials setting: String) {
        self.host = host
        let kind =
            switch host.dialect {
            case .trustless: "a trustless gateway"
            case .lassie: "Lassie's daemon"
            case .files: "a web server with CARs"
            }
        let hints = FailureHints(
            credentials: "check \(setting)",
            permission: "it does not let everybody read; does it want \(setting)?",
            elsewhere: "what it points to is not followed"
        )
        http = HTTPFailures(host: host.address.host, kind: kind, hints: hints)
    }

    /// The error for a reply that is no success; that something is not there is what the host says in its own words.
    func translate(_ what: String, _ reply: HTTPReply, now: Timestamp) -> StorageError {
        let isPage = HTTPFailures.isHTML(reply.headers) || HTTPFailures.isPage(reply.headers, reply.body)
        // To go elsewhere is told with a page, too.
        if isPage, !(300..<400).contains(reply.status) { return page(what, reply, now) }
        let said = Self.words(reply)
        switch reply.status {
        // Who is to ask nobody else answers 412 (trustless gateway specification, only-if-cached).
        case 404, 412:
            return error(.notFound, "\(http.host) answered \(reply.status), and does not have it\(said)", what)
        case 410, 451:
            let reason = "\(http.host) answered \(reply.status), and gives it to nobody: it was asked not to\(said)"
            return error(.permissionDenied, reason, what)
        case 400, 406, 501:
            return error(.unsupported, "\(http.host) answered \(reply.status), and does not give that\(said)", what)
        default:
            let (code, retry, reason) = http.meaning(ofStatus: reply.status)
            let wait = HTTPFailures.wait(retry, reply.headers, now)
            return error(code, "\(http.host): \(reason)\(said)", what, wait)
        }
    }

    /// The error for a page: with a status of the server's own it means at least that.
    private func page(_ what: String, _ reply: HTTPReply, _ now: Timestamp) -> StorageError {
        guard reply.status >= 400, reply.status != 404 else { return http.foreign(what) }
        let (code, retry, reason) = http.meaning(ofStatus: reply.status)
        let wait = HTTPFailures.wait(retry, reply.headers, now)
        return error(code, "\(http.host) answered with a web page: \(reason)", what, wait)
    }

    /// Throws unless an answer is of the kind that was asked for: a path gateway gives files in place of CARs.
    func check(_ headers: HTTPHeaders, _ wanted: String, _ what: String) throws(StorageError) {
        guard !HTTPFailures.isHTML(headers), !HTTPFailures.isEncoded(headers) else { throw http.foreign(what) }
        guard host.dialect != .files else { return }
        let type = headers["Content-Type"].map { String($0.lowercased().prefix { $0 != ";" && $0 != " " }) } ?? ""
        guard type != wanted else { return }
        let shown = type.isEmpty ? "something without a type" : Redactor.shared.clean(echo: type)
        throw error(
            .unsupported,
            "\(http.host) gave \(shown) where \(wanted) was asked for: it gives files, and is not \(http.kind)",
            what
        )
    }

    func error(
        _ code: StorageError.Code,
        _ reason: String,
        _ what: String,
        _ retry: StorageError.Retry = .never
    ) -> StorageError {
        http.error(code, reason, what, retry)
    }

    /// The error for a block or a CAR that is not what it should be; one that is cut short may come whole another time.
    func wrong(_ problem: DecodingProblem, _ what: String) -> StorageError {
        if problem.code == .truncated {
            return error(.unavailable, "\(http.host) gave a CAR that breaks off", what, .later)
        }
        return error(
            .corrupt,
            "\(http.host) gave something else: \(problem.message.dropLast(problem.message.hasSuffix(".") ? 1 : 0))",
            what
        )
    }

    /// The error for a CAR without a block: the host said that it gives something, and does not.
    func empty(_ what: String) -> StorageError {
        error(.unavailable, "\(http.host) gave a CAR with no block in it", what).ofBrokenPromise
    }

    /// The error for a host that says that nothing is there: not even what everybody has who is what it should be.
    func noGateway(_ error: StorageError) -> StorageError {
        StorageError(
            .unavailable,
            "\(error.message) So what \(http.host) says of other blocks tells nothing; is it \(http.kind)?"
        )
    }

    /// The error for what a host says behind an answer that it did not bring to its end.
    func ended(_ message: String, _ what: String) -> StorageError {
        let said = Redactor.shared.clean(echo: message).prefix(200)
        return error(.unavailable, "\(http.host) gave up before the end; it says: “\(said)”", what, .later)
    }

    /// What the host says about it, as the end of a sentence.
    private static func words(_ reply: HTTPReply) -> String {
        let text = String(decoding: reply.body.prefix(400), as: UTF8.self)
        let words = Redactor.shared.clean(echo: text).split { $0.isWhitespace }.joined(separator: " ").prefix(200)
        return words.isEmpty ? "" : "; it says: “\(words)”"
    }
}
