internal import Digests
internal import HTTPClient
internal import Schema
internal import Storage

/// Signs requests and sends them, and learns from the replies where and when the bucket is.
struct S3Connection: Sendable {
    private struct Learned: Sendable {
        var region: String
        /// Milliseconds that the service's clock is ahead of ours.
        var clockOffset: Int64 = 0
        /// Whether the bucket takes no upload without its MD5.
        var needsMD5 = false
    }

    let target: S3Target
    let errors: S3Errors
    private let credentials: S3Credentials
    private let transport: HTTPTransport
    let policy: CallPolicy
    private let learned: Locked<Learned>

    init(
        target: S3Target,
        credentials: S3Credentials,
        transport: HTTPTransport,
        policy: CallPolicy
    ) {
        self.target = target
        self.credentials = credentials
        self.transport = transport
        self.policy = policy
        errors = S3Errors(bucket: target.bucket, host: target.endpoint.host)
        learned = Locked(Learned(region: target.region))
    }

    /// The time of the service, as far as we know.
    var now: Timestamp { Timestamp(milliseconds: policy.timing.now() + learned.read { $0.clockOffset }) }

    /// Sends a request and throws unless the service itself says that it was done.
    func success(_ request: S3Request) async throws(StorageError) -> HTTPReply {
        let reply = try await exchange(request)
        guard (200..<300).contains(reply.status), !HTTPFailures.isPage(reply.headers, reply.body) else {
            throw await failure(request, reply)
        }
        return reply
    }

    /// Sends a request and takes whatever the reply is.
    func exchange(_ request: S3Request) async throws(StorageError) -> HTTPReply {
        try await correcting(request) { (request) async throws(HTTPError) in
            (try await transport.exchange(request), nil)
        }.reply
    }

    /// Sends a request for bytes and gives the reply with its body still to come, where that is an object; throws for
    /// what is neither that nor 416.
    func download(_ request: S3Request) async throws(StorageError) -> S3Answer {
        let (reply, download) = try await correcting(request) { (request) async throws(HTTPError) in
            let download = try await transport.download(request)
            guard ![200, 206].contains(download.status) else {
                return (HTTPReply(status: download.status, headers: download.headers, body: []), download)
            }
            // What follows an error is read only as far as an error reaches.
            let body = (try? await download.body.collect(upTo: 64 << 10)) ?? []
            return (HTTPReply(status: download.status, headers: download.headers, body: body), nil)
        }
        if reply.status == 416 { return .outside(reply.headers) }
        guard let download else { throw await failure(request, reply) }
        try errors.http.checkKept(reply.headers, request.what)
        // Every service that speaks the protocol gives one; a page or a proxy's answer under another type has none.
        guard reply.headers["ETag"] != nil else {
            throw errors.http.foreign(request.what, "\(errors.http.host) answered with something that has no ETag")
        }
        return .object(download)
    }

    /// The error for a reply that is no success.
    ///
    /// A reply to HEAD has no words, so the bucket is asked once more where it seems to be missing.
    func failure(_ request: S3Request, _ reply: HTTPReply) async -> StorageError {
        let error = errors.translate(
            request.what,
            status: reply.status,
            headers: reply.headers,
            body: reply.body,
            now: now
        )
        guard reply.status == 404, request.method == "HEAD", request.key == nil else { return error }
        var again = S3Request(what: request.what, method: "GET")
        again.query = [HTTPField(name: "list-type", value: "2"), HTTPField(name: "max-keys", value: "1")]
        guard let other = try? await exchange(again), !(200..<300).contains(other.status) else { return error }
        return errors.translate(request.what, status: other.status, headers: other.headers, body: other.body, now: now)
    }

    /// Whether the bucket takes no upload without its MD5: some say so when objects in it are locked.
    var needsMD5: Bool { learned.read { $0.needsMD5 } }

    /// Takes note of a refusal for want of an MD5; false where it was for something else.
    func learnMD5(_ reply: HTTPReply) -> Bool {
        guard reply.status == 400, let fault = S3Fault(reply.body),
            fault.code == "MissingContentMD5" || fault.message.lowercased().contains("content-md5")
        else { return false }
        learned.change { $0.needsMD5 = true }
        return true
    }

    // MARK: Learning

    /// What came of one request; the download where there is one.
    private typealias Outcome = (reply: HTTPReply, download: HTTPDownload?)

    /// Sends a request, and sends it again when the reply taught something: each lesson once.
    private func correcting(
        _ request: S3Request,
        _ send: (HTTPRequest) async throws(HTTPError) -> Outcome
    ) async throws(StorageError) -> Outcome {
        var redirect: HTTPAddress?
        var mayLearnRegion = true
        var mayLearnTime = true
        while true {
            try StorageError.checkCancellation()
            let region = learned.read { $0.region }
            let address = redirect ?? target.address(key: request.key, region: region)
            let moment = now
            try await request.admission?.renew()
            policy.count(request.kind)
            let outcome: Outcome
            do throws(HTTPError) {
                outcome = try await send(signed(request, address, region, moment))
            } catch {
                throw errors.http.translate(request.what, error)
            }
            let reply = outcome.reply
            if (200..<300).contains(reply.status) { return outcome }
            if mayLearnRegion, learnRegion(reply, signedFor: region) {
                mayLearnRegion = false
            } else if mayLearnTime, learnTime(reply, sentAt: moment) {
                mayLearnTime = false
            } else if redirect == nil, let other = try redirection(request, reply, from: address) {
                redirect = other
            } else {
                return outcome
            }
        }
    }

    private func signed(
        _ request: S3Request,
        _ address: HTTPAddress,
        _ region: String,
        _ moment: Timestamp
    ) -> HTTPRequest {
        let signer = S3Signer(credentials: credentials, region: region, moment: moment)
        let query = S3Signer.canonicalQuery(request.query)
        let path = address.path.isEmpty ? "/" : address.path
        let fields = signer.fields(
            method: request.method,
            host: address.host,
            path: path,
            query: request.query,
            headers: request.headers,
            payloadHash: request.payloadHash
        )
        return HTTPRequest(
            method: request.method,
            url: "\(address.scheme)://\(address.host)\(path)\(query.isEmpty ? "" : "?\(query)")",
            headers: request.headers + fields,
            body: request.body
        )
    }

    private func learnRegion(_ reply: HTTPReply, signedFor region: String) -> Bool {
        guard [301, 307, 400, 403].contains(reply.status) else { return false }
        let told = reply.headers["x-amz-bucket-region"] ?? S3Fault(reply.body)?.region
        guard let told, told != region, S3Vendor.isRegion(told) else { return false }
        learned.change { $0.region = told }
        return true
    }

    /// Takes the service's clock for the right one; a reply to HEAD cannot say why it refuses, but has a date.
    private func learnTime(_ reply: HTTPReply, sentAt moment: Timestamp) -> Bool {
        guard reply.status == 403 || reply.status == 400, let date = reply.headers["Date"].flatMap(HTTPText.date),
            S3Fault(reply.body)?.code == "RequestTimeTooSkewed" || reply.body.isEmpty,
            abs(date.milliseconds - moment.milliseconds) > 300_000
        else { return false }
        let offset = date.milliseconds - policy.timing.now()
        learned.change { $0.clockOffset = offset }
        return true
    }

    /// Where a temporary redirect leads; throws where following it would show the signature to a stranger.
    private func redirection(
        _ request: S3Request,
        _ reply: HTTPReply,
        from address: HTTPAddress
    ) throws(StorageError) -> HTTPAddress? {
        guard reply.status == 307, let location = reply.headers["Location"] else { return nil }
        guard let other = HTTPAddress(String(location.prefix { $0 != "?" })), other.isRelated(to: address) else {
            throw errors.error(
                .badSettings,
                "the service points to a host that is not its own; set connection.endpoint",
                request.what
            )
        }
        return other
    }
}

/// The answer to a request for bytes.
enum S3Answer: Sendable {
    case object(HTTPDownload)
    /// The object is there, and has no byte in the range.
    case outside(HTTPHeaders)
}
