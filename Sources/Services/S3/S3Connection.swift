internal import Digests
internal import HTTPClient
internal import Schema
internal import Storage

/// Signs requests, and learns from the replies where and when the bucket is.
struct S3Connection: HTTPObjects {
    private struct Learned: Sendable {
        var region: String
        /// Milliseconds that the service's clock is ahead of ours.
        var clockOffset: Int64 = 0
        /// Whether the bucket takes no upload without its MD5.
        var needsMD5 = false
    }

    /// What a request is signed for.
    struct Terms: Sendable {
        let address: HTTPAddress
        let region: String
        let moment: Timestamp
    }

    enum Lesson: Sendable, Equatable {
        case region, time
        case elsewhere(HTTPAddress)
    }

    let target: S3Target
    let errors: S3Errors
    private let credentials: AccessKeys
    private let transport: HTTPTransport
    let policy: CallPolicy
    private let learned: Locked<Learned>
    /// The version of objects that is asked for, by what the service calls it; nil for what has the name.
    var keptVersion: String?

    init(target: S3Target, credentials: AccessKeys, transport: HTTPTransport, policy: CallPolicy) {
        self.target = target
        self.credentials = credentials
        self.transport = transport
        self.policy = policy
        errors = S3Errors(bucket: target.bucket, host: target.endpoint.host)
        learned = Locked(Learned(region: target.region))
    }

    var failures: HTTPFailures { errors.http }

    /// The time of the service, as far as we know.
    var now: Timestamp { Timestamp(milliseconds: policy.timing.now() + learned.read { $0.clockOffset }) }

    func transport(for call: S3Request) -> HTTPTransport { transport }

    /// The error for a reply that is no success.
    ///
    /// A reply to HEAD has no words, so the bucket is asked once more where it seems to be missing.
    func failure(_ request: S3Request, _ reply: HTTPReply) async -> StorageError {
        let error = errors.translate(request.what, reply, now: now)
        if let refusal = failures.lockRefusal(request.headers, reply, request.what) { return refusal }
        guard reply.status == 404, request.method == "HEAD", request.key == nil else { return error }
        var again = S3Request(what: request.what, method: "GET")
        again.query = [HTTPField(name: "list-type", value: "2"), HTTPField(name: "max-keys", value: "1")]
        guard let other = try? await exchange(again), !(200..<300).contains(other.status) else { return error }
        return errors.translate(request.what, other, now: now)
    }

    /// Whether the bucket takes no upload without its MD5: some say so when objects in it are locked.
    var needsMD5: Bool { learned.read { $0.needsMD5 } }

    /// Takes note of a refusal for want of an MD5; false where it was for something else.
    func learnMD5(_ reply: HTTPReply) -> Bool {
        guard reply.status == 400, let fault = XMLFault(reply.body),
            fault.code == "MissingContentMD5" || fault.message.lowercased().contains("content-md5")
        else { return false }
        learned.change { $0.needsMD5 = true }
        return true
    }

    // MARK: Signing

    func terms(for request: S3Request, after lessons: [Lesson]) -> Terms {
        let region = learned.read { $0.region }
        var address = target.address(key: request.key, region: region)
        for case .elsewhere(let other) in lessons { address = other }
        return Terms(address: address, region: region, moment: now)
    }

    private func signer(_ terms: Terms) -> SignatureV4 {
        SignatureV4(credentials: credentials, region: terms.region, moment: terms.moment)
    }

    func request(_ request: S3Request, on terms: Terms) -> HTTPRequest {
        signer(terms).request(
            request.method,
            at: terms.address,
            query: request.query,
            headers: request.headers,
            payloadHash: request.payloadHash,
            request.body
        )
    }

    /// A URL by which anybody can read an object until some time; nothing is sent.
    func url(_ name: ObjectName, until end: Timestamp) throws(StorageError) -> String {
        let call = call("Making a URL of \(name)", "GET", name, [])
        let terms = terms(for: call, after: [])
        let seconds = (end.milliseconds - terms.moment.milliseconds + 999) / 1000
        guard (1...SignatureV4.longestURL).contains(seconds) else {
            throw failures.error(
                .unsupported,
                "a URL of this kind is good for at least a second and at most \(SignatureV4.longestURL), which are 7 days",
                call.what
            )
        }
        let (host, path) = (terms.address.host, terms.address.path)
        return terms.address.url(path, query: signer(terms).urlQuery(host: host, path: path, seconds: seconds))
    }

    // MARK: Learning

    func lesson(
        from reply: HTTPReply,
        to request: S3Request,
        on terms: Terms,
        beside lessons: [Lesson]
    ) throws(StorageError) -> Lesson? {
        if !lessons.contains(.region), learnRegion(reply, signedFor: terms.region) { return .region }
        if !lessons.contains(.time), learnTime(reply, sentAt: terms.moment) { return .time }
        guard reply.status == 307, reply.headers["Location"] != nil else { return nil }
        for case .elsewhere in lessons { return nil }
        // Following it would show the signature to a stranger.
        guard let other = terms.address.redirect(by: reply) else {
            throw failures.error(
                .badSettings,
                "the service points to a host that is not its own; set connection.endpoint",
                request.what
            )
        }
        return .elsewhere(other)
    }

    private func learnRegion(_ reply: HTTPReply, signedFor region: String) -> Bool {
        guard [301, 307, 400, 403].contains(reply.status) else { return false }
        let told = reply.headers["x-amz-bucket-region"] ?? XMLFault(reply.body)?.details["Region"]
        guard let told, told != region, S3Vendor.isRegion(told) else { return false }
        learned.change { $0.region = told }
        return true
    }

    /// Takes the service's clock for the right one; a reply to HEAD cannot say why it refuses, but has a date.
    private func learnTime(_ reply: HTTPReply, sentAt moment: Timestamp) -> Bool {
        guard reply.status == 403 || reply.status == 400, let date = reply.headers["Date"].flatMap(HTTPText.date),
            XMLFault(reply.body)?.code == "RequestTimeTooSkewed" || reply.body.isEmpty,
            abs(date.milliseconds - moment.milliseconds) > 300_000
        else { return false }
        let offset = date.milliseconds - policy.timing.now()
        learned.change { $0.clockOffset = offset }
        return true
    }
}
