internal import HTTPClient
internal import Schema
internal import Storage

/// One request to a pinning service.
struct PinningRequest: HTTPCall {
    let what: String
    var method = "GET"
    /// The whole of it, with its query.
    let url: String
    var kind = CallKind.stat
    /// Whether it is about one thing by its number, which may be said not to be there.
    var isOfOne = false
    var headers: [HTTPField] = []
    var body = HTTPBody.none
    var admission: Admission?
}

/// Sends requests to a pinning service and says what came of them.
struct PinningConnection: HTTPConnection {
    let target: PinningTarget
    let policy: CallPolicy
    let errors: PinningErrors
    let transport: HTTPTransport

    init(_ target: PinningTarget, _ transport: HTTPTransport, _ policy: CallPolicy) {
        (self.target, self.transport, self.policy) = (target, transport, policy)
        errors = PinningErrors(host: target.endpoint.host)
    }

    /// Sends a request and gives the document with which the service answers it; with none of these statuses it throws.
    func document(_ request: PinningRequest, _ statuses: Set<Int> = [200]) async throws(StorageError) -> JSON {
        let reply = try await exchange(request)
        guard statuses.contains(reply.status) else { throw failure(request, reply) }
        guard !HTTPFailures.isHTML(reply.headers), let json = try? JSON(reading: reply.body) else {
            throw errors.foreign(request)
        }
        return json
    }

    // MARK: Requests

    var failures: HTTPFailures { errors.http }

    func transport(for call: PinningRequest) -> HTTPTransport { transport }

    func request(_ call: PinningRequest, on terms: Void) -> HTTPRequest {
        let accept = HTTPField(name: "Accept", value: "application/json")
        return HTTPRequest(
            method: call.method,
            url: call.url,
            headers: target.credentials + [accept] + call.headers,
            body: call.body
        )
    }

    func failure(_ call: PinningRequest, _ reply: HTTPReply) -> StorageError {
        errors.translate(call, reply, now: Timestamp(milliseconds: policy.timing.now()))
    }
}
