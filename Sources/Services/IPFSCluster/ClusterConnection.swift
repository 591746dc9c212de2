internal import HTTPClient
internal import Schema
internal import Storage

/// One request to the REST API of a cluster.
struct ClusterRequest: HTTPCall {
    let what: String
    var method = "GET"
    /// Below the address of the API, escaped.
    let path: String
    var options: [HTTPField] = []
    var kind = CallKind.stat
    /// Whether that something is not there can be the answer to what was asked.
    var mayBeAbsent = false
    var file: MultipartBody?
    var admission: Admission?
}

/// Sends requests to a peer of a cluster and says what came of them.
struct ClusterConnection: HTTPConnection {
    let errors: ClusterErrors
    let policy: CallPolicy
    private let target: ClusterTarget
    private let client: HTTPTransport
    /// For requests during which the cluster is silent while it works.
    private let patient: HTTPTransport
    private let token: LoginToken

    /// Opens nothing before the first request.
    init(_ target: ClusterTarget, _ settings: ClusterSettings, _ context: ServiceContext) async throws(StorageError) {
        self.target = target
        policy = context.policy
        errors = ClusterErrors(host: target.api.host)
        token = LoginToken(folder: context.state, now: context.policy.timing.now)
        var options = try await settings.http.options(context.operational)
        client = HTTPTransport(HTTPClient(options, observer: context.policy.byteCounter))
        options.stallTimeout = .seconds(max(settings.pinTimeout, context.operational.timeout))
        patient = HTTPTransport(HTTPClient(options, observer: context.policy.byteCounter))
    }

    /// Sends a request whose answer is one value; null where the cluster says that there is nothing.
    func value(_ request: ClusterRequest) async throws(StorageError) -> JSON {
        let reply = try await exchange(request)
        if reply.status == 204 { return .null }
        guard (200..<300).contains(reply.status), Self.isJSON(reply.headers) else { throw failure(request, reply) }
        guard let value = try? JSON(reading: reply.body) else { throw errors.foreign(request) }
        return value
    }

    /// Sends a request and takes all values of a short stream; what the cluster says behind them is believed.
    func values(_ request: ClusterRequest) async throws(StorageError) -> [JSON] {
        let reply = try await exchange(request)
        guard reply.status == 200, Self.isJSON(reply.headers) else { throw failure(request, reply) }
        try end(reply.trailers, request)
        var values: [JSON] = []
        for line in reply.body.split(separator: 0x0A) {
            guard let value = try? JSON(reading: line) else { throw errors.foreign(request) }
            values.append(value)
        }
        return values
    }

    /// Sends a request and gives the values of its answer while they come, of which there may be none.
    func stream(_ request: ClusterRequest) async throws(StorageError) -> OpenObject {
        let answer = try await download(request, wanted: [200, 204])
        guard let download = answer.download else { throw failure(request, answer.reply) }
        guard download.status == 200 else { return OpenObject(Body([]).open(), length: 0, version: nil) }
        guard Self.isJSON(download.headers) else { throw errors.foreign(request) }
        let stream = failures.stream(download.body, request.what) { (trailers) throws(StorageError) in
            try end(trailers, request)
        }
        return OpenObject(stream, length: nil, version: nil)
    }

    /// A stream is whole where the cluster says so behind it, by a field without a value.
    private func end(_ trailers: HTTPHeaders, _ request: ClusterRequest) throws(StorageError) {
        guard let word = trailers["X-Stream-Error"] else {
            let reason = "the answer ends without X-Stream-Error, which says that it is whole, as a proxy may have done"
            throw errors.foreign(request, reason)
        }
        if !word.isEmpty { throw errors.said(request, word).ofUnknownOutcome }
    }

    private static func isJSON(_ headers: HTTPHeaders) -> Bool {
        headers["Content-Type"]?.hasPrefix("application/json") == true && !HTTPFailures.isEncoded(headers)
    }

    // MARK: Requests

    var failures: HTTPFailures { errors.http }

    func transport(for request: ClusterRequest) -> HTTPTransport { request.file == nil ? client : patient }

    private static let login = "/token"

    /// The value of `Authorization`; a token that was refused is not shown again.
    func terms(for request: ClusterRequest, after refused: [String]) async throws(StorageError) -> String? {
        switch target.access {
        case .none: return nil
        case .shown(let shown): return shown
        case .login(let basic) where request.path == Self.login: return basic
        case .login:
            return "Bearer " + (try await token.token(besides: refused.last, logIn: logIn))
        }
    }

    private func logIn() async throws(StorageError) -> RenewedToken {
        let request = ClusterRequest(what: "Logging in", method: "POST", path: Self.login)
        guard let token = try await value(request)["token"]?.string, (1...8192).contains(token.utf8.count),
            token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw errors.foreign(request) }
        Redactor.shared.learn(token)
        return RenewedToken(access: token, renewal: nil, validUntil: policy.timing.now() + LoginToken.usual)
    }

    func lesson(
        from reply: HTTPReply,
        to request: ClusterRequest,
        on terms: String?,
        beside refused: [String]
    ) -> String? {
        guard case .login = target.access, reply.status == 401, request.path != Self.login, refused.isEmpty else {
            return nil
        }
        return terms.map { String($0.dropFirst("Bearer ".count)) }
    }

    func request(_ request: ClusterRequest, on authorization: String?) -> HTTPRequest {
        let shown = authorization.map { [HTTPField(name: "Authorization", value: $0)] } ?? []
        return HTTPRequest(
            method: request.method,
            url: target.api.url(target.api.path + request.path, query: HTTPText.query(request.options)),
            headers: shown + (request.file.map { [$0.contentType] } ?? []),
            body: request.file?.body ?? .none,
            isRepeatable: request.admission == nil
        )
    }

    func failure(_ request: ClusterRequest, _ reply: HTTPReply) -> StorageError {
        errors.translate(request, reply, now: Timestamp(milliseconds: policy.timing.now()))
    }
}
