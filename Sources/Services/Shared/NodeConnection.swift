internal import HTTPClient
internal import Schema
internal import Storage

/// One command for a node.
struct NodeRequest: HTTPCall {
    let what: String
    /// Such as `pin/ls`.
    let command: String
    var arguments: [String] = []
    var options: [(name: String, value: String)] = []
    /// What may be said not to be there.
    var subject: NodeErrors.Subject?
    var kind = CallKind.stat
    var file: MultipartBody?
    var admission: Admission?
    /// Whether the node may be silent for long.
    var isSlow = false

    fileprivate var query: String {
        let fields = arguments.map { HTTPField(name: "arg", value: $0) }
        return HTTPText.query(fields + options.map { HTTPField(name: $0.name, value: $0.value) })
    }
}

/// Sends commands to a node and says what came of them.
struct NodeConnection: HTTPConnection {
    /// The address up to and with `/api/v0`.
    let api: HTTPAddress
    let errors: NodeErrors
    let policy: CallPolicy
    private let client: HTTPTransport
    /// For commands during which the node is silent while it works.
    private let patient: HTTPTransport

    /// The value of `Authorization`; nil where none is sent.
    private let authorization: String?

    /// Opens nothing before the first command; the node may say nothing for `silence` seconds while it works.
    init(
        _ api: HTTPAddress,
        authorization: String?,
        words: NodeErrors.Words = NodeErrors.Words(),
        _ http: HTTPSettings,
        silence: Int,
        in context: ServiceContext
    ) async throws(StorageError) {
        (self.api, self.authorization) = (api, authorization)
        policy = context.policy
        errors = NodeErrors(host: api.host, words: words)
        var options = try await http.options(context.operational)
        // A list of objects is one document.
        options.maxReplyBytes = 64 << 20
        client = HTTPTransport(HTTPClient(options, observer: context.policy.byteCounter))
        options.stallTimeout = .seconds(max(silence, context.operational.timeout))
        patient = HTTPTransport(HTTPClient(options, observer: context.policy.byteCounter))
    }

    /// Sends a command and gives the values of its answer, of which there may be none.
    func values(_ request: NodeRequest) async throws(StorageError) -> [JSON] {
        let reply = try await exchange(request)
        guard reply.status == 200 else { throw failure(request, reply) }
        guard reply.headers["Content-Type"]?.hasPrefix("application/json") == true else {
            throw errors.foreign(request)
        }
        var values: [JSON] = []
        for line in reply.body.split(separator: 0x0A) {
            guard let value = try? JSON(reading: line) else { throw errors.foreign(request) }
            if let message = NodeErrors.message(in: value) { throw errors.said(request, message) }
            values.append(value)
        }
        if let message = reply.trailers[Self.streamError] { throw errors.said(request, message) }
        return values
    }

    /// Sends a command whose answer is one value.
    func value(_ request: NodeRequest) async throws(StorageError) -> JSON {
        let values = try await values(request)
        guard values.count == 1 else { throw errors.foreign(request) }
        return values[0]
    }

    /// Sends a command and gives its answer while it comes; what the node says behind it is the end of the stream.
    ///
    /// `mark` is the header field by which the node says that it streams.
    func open(
        _ request: NodeRequest,
        mark: String
    ) async throws(StorageError) -> (headers: HTTPHeaders, stream: any ByteStream) {
        let answer = try await download(request)
        guard let download = answer.download else { throw failure(request, answer.reply) }
        guard download.headers[mark] == "1", !HTTPFailures.isEncoded(download.headers) else {
            throw errors.foreign(request)
        }
        let stream = failures.stream(download.body, request.what) { (trailers) throws(StorageError) in
            guard let message = trailers[Self.streamError] else { return }
            throw errors.said(request, message)
        }
        return (download.headers, stream)
    }

    private static let streamError = "X-Stream-Error"

    // MARK: Requests

    var failures: HTTPFailures { errors.http }

    func transport(for request: NodeRequest) -> HTTPTransport { request.isSlow ? patient : client }

    func request(_ request: NodeRequest, on terms: Void) -> HTTPRequest {
        let authorization = authorization.map { [HTTPField(name: "Authorization", value: $0)] } ?? []
        return HTTPRequest(
            method: "POST",
            url: api.url("\(api.path)/\(request.command)", query: request.query),
            headers: authorization + (request.file.map { [$0.contentType] } ?? []),
            body: request.file?.body ?? .none,
            isRepeatable: request.admission == nil
        )
    }

    func failure(_ request: NodeRequest, _ reply: HTTPReply) -> StorageError {
        errors.translate(request, reply, now: Timestamp(milliseconds: policy.timing.now()))
    }
}
