internal import HTTPClient
internal import Schema
internal import Storage

/// One request about a name below the root.
struct WebDAVRequest: HTTPCall {
    let what: String
    let method: String
    /// The name; that of a folder ends with a slash, and that of the root is empty.
    let name: String
    let kind: CallKind
    var headers: [HTTPField] = []
    var body = HTTPBody.none
    var admission: Admission?
}

/// Sends requests about a folder of a server and says what came of them.
struct WebDAVConnection: HTTPObjects {
    /// What a try is made with: the value of `Authorization`, and the proof in it where there is one.
    struct Terms: Sendable {
        let authorization: String?
        var proof: HTTPDigest.Proof?
    }

    enum Lesson: Sendable { case digest }

    let target: WebDAVTarget
    let policy: CallPolicy
    let errors: WebDAVErrors
    /// Folders that were seen to be there.
    let known = Locked<Set<String>>([])
    private let credentials: HTTPCredentials
    private let transport: HTTPTransport
    private let digests: HTTPDigestSession

    init(
        _ target: WebDAVTarget,
        _ credentials: HTTPCredentials,
        _ transport: HTTPTransport,
        _ policy: CallPolicy,
        digests: HTTPDigestSession = HTTPDigestSession()
    ) {
        (self.target, self.credentials, self.transport, self.policy) = (target, credentials, transport, policy)
        self.digests = digests
        errors = WebDAVErrors(target.address, credentials.hint)
    }

    var failures: HTTPFailures { errors.http }

    /// Whether nobody is told who asks.
    var isOpenToAll: Bool { if case .none = credentials { true } else { false } }

    /// The folder in which the server takes files in chunks; nil where it has none.
    var uploads: WebDAVConnection? {
        target.uploads.map { WebDAVConnection($0, credentials, transport, policy, digests: digests) }
    }

    func transport(for request: WebDAVRequest) -> HTTPTransport { transport }

    // MARK: Who asks

    func terms(for request: WebDAVRequest, after lessons: [Lesson]) -> Terms {
        guard case .password(let user, let password, _, true) = credentials,
            let proof = digests.proof(request.method, target.route(request.name), user: user, password: password)
        else { return Terms(authorization: credentials.shown) }
        return Terms(authorization: proof.value, proof: proof)
    }

    func request(_ request: WebDAVRequest, on terms: Terms) -> HTTPRequest {
        let authorization = terms.authorization.map { [HTTPField(name: "Authorization", value: $0)] } ?? []
        return HTTPRequest(
            method: request.method,
            url: target.url(request.name),
            headers: request.headers + authorization,
            body: request.body
        )
    }

    /// What a server asks for is given to it, and a few times more where its nonces grow old before they arrive.
    func lesson(
        from reply: HTTPReply,
        to request: WebDAVRequest,
        on terms: Terms,
        beside lessons: [Lesson]
    ) -> Lesson? {
        guard lessons.count < 3, case .password(_, _, _, true) = credentials,
            digests.learn(from: reply, after: terms.proof)
        else { return nil }
        return .digest
    }

    func note(_ reply: HTTPReply, on terms: Terms) { digests.note(reply, on: terms.proof) }

    // MARK: Objects

    func call(_ what: String, _ method: String, _ name: ObjectName, _ fields: [HTTPField]) -> WebDAVRequest {
        let kind: CallKind = method == "HEAD" ? .stat : .get
        return WebDAVRequest(what: what, method: method, name: name.text, kind: kind, headers: fields)
    }

    func info(_ name: ObjectName, length: UInt64, _ headers: HTTPHeaders) -> ObjectInfo {
        let modified = headers["Last-Modified"].flatMap(HTTPText.date)
        return ObjectInfo(name: name, length: length, modified: modified, place: place(of: name))
    }

    func listed(_ name: ObjectName) async throws(StorageError) -> ObjectInfo? {
        guard case .file(let entry) = try await find(name.text, "Reading \(name)") else { return nil }
        return entry.info(name, place: place(of: name))
    }

    func place(of name: ObjectName) -> String { "\(target.address.host)\(target.address.path)/\(name)" }

    /// The error for a reply that is no success; that an object is absent, the list of its folder says.
    func failure(_ request: WebDAVRequest, _ reply: HTTPReply) async -> StorageError {
        let error = errors.translate(request.what, reply, now: Timestamp(milliseconds: policy.timing.now()))
        guard ["GET", "HEAD"].contains(request.method), Self.missing.contains(reply.status) else { return error }
        do throws(StorageError) {
            switch try await find(request.name, request.what) {
            case .nothing: return StorageError(.notFound, "\(request.name) is not there, the server says.")
            case .folder: return StorageError(.notFound, "\(request.name) is no object: a folder has that name.")
            case .file:
                let reason = "the server lists it, and does not give it; it may be replaced just now"
                return failures.error(.unavailable, reason, request.what, .later).ofBrokenPromise
            }
        } catch {
            return error
        }
    }

    /// What servers answer where nothing has a name: Apache says 400 of what would lie below a file.
    static let missing: Set<Int> = [400, 404, 409, 410]
}
