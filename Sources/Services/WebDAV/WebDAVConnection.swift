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
    /// Whether nobody waits long for the answer.
    var isHasty = false
}

/// Sends requests to a server and says what came of them.
struct WebDAVConnection: HTTPObjects {
    /// What a server asked for, and how often it was given it.
    private struct Learned: Sendable {
        var digest: WebDAVDigest?
        var count = 0
    }

    enum Lesson: Sendable { case digest }

    let target: WebDAVTarget
    let policy: CallPolicy
    let errors: WebDAVErrors
    /// Folders that were seen to be there.
    let known = Locked<Set<String>>([])
    private let client: HTTPTransport
    private let hasty: HTTPTransport
    private let learned = Locked(Learned())

    init(_ target: WebDAVTarget, _ client: HTTPTransport, hasty: HTTPTransport, _ policy: CallPolicy) {
        (self.target, self.client, self.hasty, self.policy) = (target, client, hasty, policy)
        errors = WebDAVErrors(target.address)
    }

    var failures: HTTPFailures { errors.http }

    func transport(for request: WebDAVRequest) -> HTTPTransport { request.isHasty ? hasty : client }

    // MARK: Who asks

    /// The value of `Authorization`; nil where none is sent.
    func terms(for request: WebDAVRequest, after lessons: [Lesson]) -> String? {
        guard case .password(let user, let password, _, _) = target.credentials else { return target.authorization }
        let (digest, count) = learned.change { learned in
            learned.count += 1
            return (learned.digest, learned.count)
        }
        guard let digest else { return target.authorization }
        let route = target.route(request.name)
        return digest.authorization(request.method, route, user: user, password: password, count: count)
    }

    func request(_ request: WebDAVRequest, on authorization: String?) -> HTTPRequest {
        HTTPRequest(
            method: request.method,
            url: target.url(request.name),
            headers: request.headers + (authorization.map { [HTTPField(name: "Authorization", value: $0)] } ?? []),
            body: request.body
        )
    }

    /// What a server asks for is given to it once for each request: a nonce may have grown old.
    func lesson(
        from reply: HTTPReply,
        to request: WebDAVRequest,
        on authorization: String?,
        beside lessons: [Lesson]
    ) -> Lesson? {
        guard reply.status == 401, lessons.isEmpty, case .password(_, _, _, true) = target.credentials,
            let digest = WebDAVDigest.best(reply.headers.all("WWW-Authenticate"))
        else { return nil }
        learned.change { $0 = Learned(digest: digest) }
        return .digest
    }

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
            case .file: return failures.error(.unavailable, "it was replaced in the meantime", request.what, .later)
            }
        } catch {
            return error
        }
    }

    /// What servers answer where nothing has a name: Apache says 400 of what would lie below a file.
    static let missing: Set<Int> = [400, 404, 409, 410]
}
