internal import HTTPClient
internal import IPLD
internal import Multiformats
internal import Schema
internal import Storage

/// One request to a host.
struct GatewayRequest: HTTPCall {
    let what: String
    let method: String
    let url: String
    /// The media type that is asked for.
    let wanted: String
    /// The value of `Accept`.
    let accept: String
    let kind: CallKind

    var admission: Admission? { nil }

    /// The CAR of what is below a block.
    init(_ what: String, car cid: CID, _ scope: GatewayScope, of host: GatewayHost, method: String = "GET") {
        (self.what, self.method) = (what, method)
        url = host.url(of: cid, scope)
        wanted = "application/vnd.ipld.car"
        accept = "\(wanted); version=1; order=dfs; dups=n"
        kind = method == "HEAD" ? .stat : .get
    }

    /// A single block.
    init(_ what: String, block cid: CID, of host: GatewayHost, method: String = "GET") {
        (self.what, self.method) = (what, method)
        url = host.url(ofBlock: cid)
        wanted = "application/vnd.ipld.raw"
        accept = wanted
        kind = method == "HEAD" ? .stat : .get
    }
}

/// Asks one host, and checks what it gives.
struct GatewayConnection: HTTPConnection {
    /// What a try is made with: where it goes, and whether that is the owner of the token.
    struct Terms: Sendable {
        let url: String
        let maySeeToken: Bool
    }

    let host: GatewayHost
    let policy: CallPolicy
    let errors: GatewayErrors
    /// What is shown to the host, and to others of its owner.
    private let credentials: [HTTPField]
    private let transport: HTTPTransport
    /// Whether the host is to give what it has itself, and asks nobody else.
    private let isOffline: Bool
    /// Six requests at once are what hosts of others bear.
    private let places = Permits(6)

    /// A host, and what it is shown, which comes from a setting.
    init(
        _ host: GatewayHost,
        credentials: [HTTPField] = [],
        from setting: String = "credentials.bearer_token",
        isOffline: Bool = false,
        _ transport: HTTPTransport,
        _ policy: CallPolicy
    ) {
        (self.host, self.credentials, self.transport, self.policy) = (host, credentials, transport, policy)
        self.isOffline = isOffline
        errors = GatewayErrors(host, credentials: setting)
    }

    // MARK: What it gives

    /// The CAR of what is below a block as it comes, unverified.
    func car(_ cid: CID, _ scope: GatewayScope) async throws(StorageError) -> any ByteStream {
        let what = "Reading \(cid)"
        guard host.gives(scope) else {
            throw errors.error(.unsupported, "\(errors.http.host) gives CARs of roots alone", what)
        }
        return try await open(GatewayRequest(what, car: cid, scope, of: host))
    }

    /// A block, checked: of a host that gives CARs alone, out of one.
    func block(_ cid: CID) async throws(StorageError) -> [UInt8] {
        let what = "Reading the block \(cid)"
        if case .lassie = host.dialect {
            let sections = GatewaySections(try await car(cid, .block), errors, what)
            guard let first = try await sections.first(cid) else {
                throw errors.error(.notFound, "\(errors.http.host) gave a CAR with no block in it", what)
            }
            return Array(first.bytes)
        }
        let stream = try await open(GatewayRequest(what, block: cid, of: host))
        let bytes: [UInt8]
        do throws(StorageError) { bytes = try await collect(stream, limit: Block.longest) } catch {
            guard error.code == .tooLarge else { throw error }
            throw errors.error(.corrupt, "\(errors.http.host) gave more than a block may have", what)
        }
        do throws(DecodingProblem) { try Block(cid: cid, bytes: bytes).verify() } catch {
            throw errors.wrong(error, what)
        }
        return bytes
    }

    /// Asks whether the host has the block of a root; gives the length of its CAR, where that is a file.
    func has(_ root: CID) async throws(StorageError) -> UInt64? {
        let what = "Looking for \(root)"
        let request: GatewayRequest
        switch host.dialect {
        case .trustless: request = GatewayRequest(what, block: root, of: host, method: "HEAD")
        case .files: request = GatewayRequest(what, car: root, .all, of: host, method: "HEAD")
        case .lassie:
            _ = try await block(root)
            return nil
        }
        let reply = try await placed { () async throws(StorageError) in try await exchange(request) }
        guard reply.status == 200 else { throw failure(request, reply) }
        try errors.check(reply.headers, request.wanted, what)
        return host.dialect == .files ? reply.headers.contentLength : nil
    }

    /// Asks for the block that is in its own CID, which everybody has who is a gateway; what was seen, as the end of a
    /// sentence.
    func probe() async throws(StorageError) -> String {
        let what = "Asking \(errors.http.host) for the empty block"
        guard let empty = try? CID("bafkqaaa") else { return "was not asked" }
        switch host.dialect {
        case .trustless:
            let bytes = try await block(empty)
            return bytes.isEmpty ? "gives blocks, and is a trustless gateway" : "gives blocks"
        case .lassie:
            // Whatever it says of that, it is there; a token that it does not take is told.
            let request = GatewayRequest(what, car: empty, .block, of: host)
            let reply = try await placed { () async throws(StorageError) in try await exchange(request) }
            guard reply.status < 500, ![401, 403, 429].contains(reply.status), !HTTPFailures.isHTML(reply.headers)
            else { throw failure(request, reply) }
            return "answers as Lassie's daemon does"
        case .files:
            let request = GatewayRequest(what, car: empty, .all, of: host, method: "HEAD")
            let reply = try await placed { () async throws(StorageError) in try await exchange(request) }
            guard reply.status < 500, ![401, 403, 429].contains(reply.status) else { throw failure(request, reply) }
            return "answers as a web server"
        }
    }

    /// Sends a request and gives what comes while it comes; it has its place at the host as long.
    private func open(_ request: GatewayRequest) async throws(StorageError) -> any ByteStream {
        let permit = try await places.take()
        let answer = try await download(request)
        guard let download = answer.download else { throw failure(request, answer.reply) }
        try errors.check(download.headers, request.wanted, request.what)
        let errors = errors
        let stream = errors.http.stream(download.body, request.what) { (trailers) throws(StorageError) in
            permit.give()
            if let message = trailers["X-Stream-Error"] { throw errors.ended(message, request.what) }
        }
        return policy.pacing(stream)
    }

    private func placed<Value>(
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let permit = try await places.take()
        defer { permit.give() }
        return try await work()
    }

    // MARK: Requests

    var failures: HTTPFailures { errors.http }

    func transport(for request: GatewayRequest) -> HTTPTransport { transport }

    func terms(for request: GatewayRequest, after lessons: [GatewayRedirect]) -> Terms {
        guard let last = lessons.last else { return Terms(url: request.url, maySeeToken: true) }
        return Terms(url: last.url, maySeeToken: last.isOwn)
    }

    func request(_ request: GatewayRequest, on terms: Terms) -> HTTPRequest {
        var fields = [HTTPField(name: "Accept", value: request.accept)]
        if terms.maySeeToken { fields += credentials }
        if isOffline { fields.append(HTTPField(name: "Cache-Control", value: "only-if-cached")) }
        return HTTPRequest(method: request.method, url: terms.url, headers: fields)
    }

    /// A host may have another name for each CID; a few steps are followed.
    func lesson(
        from reply: HTTPReply,
        to request: GatewayRequest,
        on terms: Terms,
        beside lessons: [GatewayRedirect]
    ) -> GatewayRedirect? {
        guard GatewayRedirect.statuses.contains(reply.status), lessons.count < 5,
            let location = reply.headers["Location"]
        else { return nil }
        return GatewayRedirect(
            locatedAt: location,
            from: terms.url,
            maySeeToken: terms.maySeeToken,
            of: host.address
        )
    }

    func failure(_ request: GatewayRequest, _ reply: HTTPReply) -> StorageError {
        errors.translate(request.what, reply, now: Timestamp(milliseconds: policy.timing.now()))
    }
}
