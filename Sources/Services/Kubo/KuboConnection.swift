internal import HTTPClient
internal import Schema
internal import Storage

/// One command for a node.
struct KuboRequest: Sendable {
    /// What it is for, as the beginning of a sentence: “Storing bafy…”.
    let what: String
    /// Such as `pin/ls`.
    let command: String
    var arguments: [String] = []
    var options: [(name: String, value: String)] = []
    /// What may be said not to be there.
    var subject: KuboErrors.Subject?
    var kind = CallKind.stat
    var file: MultipartBody?
    /// The change that it is a part of; nil for a request that changes nothing.
    var admission: Admission?
    /// Whether the node may be silent for long.
    var isSlow = false

    /// The part of a URL behind `/api/v0`.
    fileprivate var target: String {
        let fields = arguments.map { ("arg", $0) } + options.map { ($0.name, $0.value) }
        let query = fields.map { "\($0)=\(HTTPText.escaped($1))" }.joined(separator: "&")
        return "/\(command)\(query.isEmpty ? "" : "?\(query)")"
    }
}

/// Sends commands to a node and says what came of them; who counts and admits them is the policy's affair.
struct KuboConnection: Sendable {
    let target: KuboTarget
    let errors: KuboErrors
    let policy: CallPolicy
    private let client: HTTPClient
    /// For commands during which the node is silent while it works.
    private let patient: HTTPClient

    /// Opens nothing before the first command.
    init(_ target: KuboTarget, _ settings: KuboSettings, _ context: ServiceContext) async throws(StorageError) {
        self.target = target
        policy = context.policy
        errors = KuboErrors(host: target.api.host)
        var options = try await settings.http.options(context.operational)
        // A list of objects is one document.
        options.maxReplyBytes = 64 << 20
        client = HTTPClient(options, observe: context.policy.countBytes)
        options.stallTimeout = .seconds(max(settings.pinTimeout, context.operational.timeout))
        patient = HTTPClient(options, observe: context.policy.countBytes)
    }

    /// Sends a command and gives the values of its answer, of which there may be none.
    func values(_ request: KuboRequest) async throws(StorageError) -> [JSON] {
        let wire = try await prepare(request)
        let reply: HTTPReply
        do throws(HTTPError) {
            reply = try await (request.isSlow ? patient : client).exchange(wire)
        } catch {
            throw errors.http.translate(request.what, error)
        }
        guard reply.status == 200 else { throw failure(request, reply.status, reply.headers, reply.body) }
        guard reply.headers["Content-Type"]?.hasPrefix("application/json") == true else {
            throw errors.foreign(request)
        }
        var values: [JSON] = []
        for line in reply.body.split(separator: 0x0A) {
            guard let value = try? JSON(reading: line) else { throw errors.foreign(request) }
            if let message = KuboErrors.message(in: value) { throw errors.said(request, message) }
            values.append(value)
        }
        if let message = reply.trailers[Self.streamError] { throw errors.said(request, message) }
        return values
    }

    /// Sends a command whose answer is one value.
    func value(_ request: KuboRequest) async throws(StorageError) -> JSON {
        let values = try await values(request)
        guard values.count == 1 else { throw errors.foreign(request) }
        return values[0]
    }

    /// Sends a command and gives its answer while it comes; what the node says behind it is the end of the stream.
    ///
    /// `mark` is the header field by which the node says that it streams.
    func open(
        _ request: KuboRequest,
        mark: String
    ) async throws(StorageError) -> (headers: HTTPHeaders, stream: any ByteStream) {
        let wire = try await prepare(request)
        let download: HTTPDownload
        do throws(HTTPError) {
            download = try await client.download(wire)
        } catch {
            throw errors.http.translate(request.what, error)
        }
        guard download.status == 200 else {
            // What follows an error is read only as far as an error reaches.
            let body = (try? await download.body.collect(upTo: 64 << 10)) ?? []
            throw failure(request, download.status, download.headers, body)
        }
        guard download.headers[mark] == "1", !HTTPFailures.isEncoded(download.headers) else {
            throw errors.foreign(request)
        }
        return (download.headers, stream(download.body, request))
    }

    /// The bytes of an answer, which is whole only where the node says nothing behind it.
    private func stream(_ body: HTTPDownload.Body, _ request: KuboRequest) -> any ByteStream {
        Pulled {
            { () async throws(StorageError) in
                var iterator = body.makeAsyncIterator()
                do throws(HTTPError) {
                    if let chunk = try await iterator.next(isolation: nil) { return chunk }
                } catch {
                    throw errors.http.translate(request.what, error)
                }
                guard let message = body.trailers[Self.streamError] else { return nil }
                throw errors.said(request, message)
            }
        }
    }

    private static let streamError = "X-Stream-Error"

    private func prepare(_ request: KuboRequest) async throws(StorageError) -> HTTPRequest {
        try StorageError.checkCancellation()
        try await request.admission?.renew()
        policy.count(request.kind)
        let authorization = target.authorization.map { [HTTPField(name: "Authorization", value: $0)] } ?? []
        return HTTPRequest(
            method: "POST",
            url: "\(target.api.scheme)://\(target.api.host)\(target.api.path)\(request.target)",
            headers: authorization + (request.file.map { [$0.contentType] } ?? []),
            body: request.file?.body ?? .none,
            isRepeatable: request.admission == nil
        )
    }

    private func failure(
        _ request: KuboRequest,
        _ status: Int,
        _ headers: HTTPHeaders,
        _ body: [UInt8]
    ) -> StorageError {
        let now = Timestamp(milliseconds: policy.timing.now())
        return errors.translate(request, status: status, headers: headers, body: body, now: now)
    }
}
