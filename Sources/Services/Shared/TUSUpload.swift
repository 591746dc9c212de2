internal import HTTPClient
internal import Schema
internal import Storage

/// A request of an upload that can be gone on with.
struct TUSRequest: HTTPCall {
    let what: String
    let method: String
    let url: String
    let kind: CallKind
    let admission: Admission?
    var headers: [HTTPField] = []
    var body = HTTPBody.none
}

/// An upload by the protocol tus 1.0.0: its bytes go in parts to an address of its own, which says how many it has.
///
/// Where they stopped, the next try goes on, also one of a later process: the address is kept.
struct TUSUpload: HTTPConnection {
    /// That an upload is not there any more.
    private struct Lost: Error {}

    /// What a server says of an upload.
    private struct State {
        let offset: UInt64
        let length: UInt64?
    }

    let policy: CallPolicy
    let failures: HTTPFailures
    let transport: HTTPTransport
    /// What each request shows.
    let credentials: [HTTPField]
    /// Where addresses of uploads are kept.
    let places: TUSPlaces
    /// The length of a part.
    let partLength: UInt64
    /// The error for a reply that is no success, in the words of the service.
    let translate: @Sendable (_ what: String, HTTPReply) -> StorageError

    func transport(for call: TUSRequest) -> HTTPTransport { transport }

    func request(_ call: TUSRequest, on terms: Void) -> HTTPRequest {
        let version = HTTPField(name: "Tus-Resumable", value: "1.0.0")
        let headers = credentials + [version] + call.headers
        return HTTPRequest(method: call.method, url: call.url, headers: headers, body: call.body)
    }

    func failure(_ call: TUSRequest, _ reply: HTTPReply) -> StorageError {
        let error = translate(call.what, reply)
        // That it is gone, or expired, says nothing of what it is for.
        guard call.method != "POST", [403, 404, 410].contains(reply.status) else { return error }
        let reason = "\(failures.host) answered \(reply.status): it does not know the upload any more"
        return failures.error(.unavailable, reason, call.what, .later, Lost())
    }

    // MARK: The upload

    /// Sends all bytes and gives the reply to the last of them; nil where that was lost, and the server has them all.
    ///
    /// `name` is that under which the address is kept: it stands for these bytes and no others.
    func send(
        _ body: Body,
        to server: HTTPAddress,
        _ metadata: [(name: String, value: String)],
        _ what: String,
        name: String,
        _ admission: Admission
    ) async throws(StorageError) -> HTTPReply? {
        let isLost = Locked(false)
        return try await policy.repeating(mayRepeat: { isLost.read { $0 } }) { () async throws(StorageError) in
            isLost.change { $0 = false }
            do throws(StorageError) {
                let (url, offset) = try await begin(body, server, metadata, what, name, admission)
                let reply = try await send(body, from: offset, to: url, what, admission)
                await places.forget(name)
                return reply
            } catch  where error.cause is Lost {
                await places.forget(name)
                isLost.change { $0 = true }
                throw error
            }
        }
    }

    /// The address of an upload that was begun, or of a new one, and how many bytes the server has.
    private func begin(
        _ body: Body,
        _ server: HTTPAddress,
        _ metadata: [(name: String, value: String)],
        _ what: String,
        _ name: String,
        _ admission: Admission
    ) async throws(StorageError) -> (url: String, offset: UInt64) {
        if let known = await places.address(name, body.length), Self.isOf(server, known) {
            do throws(StorageError) {
                let state = try await policy.run { () async throws(StorageError) in
                    try await look(at: known, what, admission)
                }
                if state.length ?? body.length == body.length, state.offset <= body.length {
                    return (known, state.offset)
                }
            } catch  where error.cause is Lost {}
            await places.forget(name)
        }
        let words = metadata.map { "\($0.name) \(HTTPText.base64(Array($0.value.utf8)))" }
        let request = TUSRequest(
            what: what,
            method: "POST",
            url: server.url(server.path),
            kind: .put,
            admission: admission,
            headers: [
                HTTPField(name: "Upload-Length", value: "\(body.length)"),
                HTTPField(name: "Upload-Metadata", value: words.joined(separator: ",")),
            ]
        )
        let reply = try await policy.run { () async throws(StorageError) in
            let reply = try await exchange(request)
            guard reply.status == 201 else { throw failure(request, reply) }
            return reply
        }
        guard let url = Self.location(of: reply, from: server) else {
            throw failures.foreign(what, "\(failures.host) does not say where the bytes are to go")
        }
        await places.keep(name, url, body.length)
        return (url, 0)
    }

    /// Sends what the server does not have, part by part; each has its own tries.
    private func send(
        _ body: Body,
        from offset: UInt64,
        to url: String,
        _ what: String,
        _ admission: Admission
    ) async throws(StorageError) -> HTTPReply? {
        // Nil while nobody here knows.
        let known = Locked<UInt64?>(offset)
        var last: HTTPReply?
        while known.read({ $0 ?? 0 }) < body.length {
            last = try await policy.run { () async throws(StorageError) in
                // What became of a part whose answer was lost, only the server knows.
                let start: UInt64
                if let offset = known.change({ $0.take() }) {
                    start = offset
                } else {
                    start = try await look(at: url, what, admission).offset
                }
                guard start < body.length else {
                    known.change { $0 = start }
                    return nil
                }
                let end = min(start + partLength, body.length)
                let reply = try await sendPart(start..<end, of: body, to: url, what, admission)
                known.change { $0 = end }
                return reply
            }
        }
        return last
    }

    private func sendPart(
        _ range: Range<UInt64>,
        of body: Body,
        to url: String,
        _ what: String,
        _ admission: Admission
    ) async throws(StorageError) -> HTTPReply {
        let bytes = try await UploadBytes(body, range, withSHA256: false, withMD5: false)
        let request = TUSRequest(
            what: what,
            method: "PATCH",
            url: url,
            kind: .put,
            admission: admission,
            headers: [
                HTTPField(name: "Content-Type", value: "application/offset+octet-stream"),
                HTTPField(name: "Upload-Offset", value: "\(range.lowerBound)"),
            ],
            body: bytes.body()
        )
        let reply = try await exchange(request)
        // It has more or fewer bytes than it had said.
        if reply.status == 409 {
            throw failures.error(.unavailable, "\(failures.host) has other bytes than it said", what, .later)
        }
        guard reply.status == 204 || reply.status == 200 else { throw failure(request, reply) }
        guard let text = reply.headers["Upload-Offset"], httpNumber(text) == range.upperBound else {
            throw failures.foreign(what, "\(failures.host) does not say that it has the bytes that were sent")
        }
        return reply
    }

    private func look(at url: String, _ what: String, _ admission: Admission) async throws(StorageError) -> State {
        let request = TUSRequest(what: what, method: "HEAD", url: url, kind: .stat, admission: admission)
        let reply = try await exchange(request)
        guard reply.status == 200 || reply.status == 204 else { throw failure(request, reply) }
        guard let offset = reply.headers["Upload-Offset"].flatMap({ httpNumber($0) }) else {
            throw failures.foreign(what, "\(failures.host) does not say how many bytes it has")
        }
        return State(offset: offset, length: reply.headers["Upload-Length"].flatMap { httpNumber($0) })
    }

    // MARK: Addresses

    /// Where the bytes of an upload go, by the reply to its beginning; nil where that is no address of the same owner.
    static func location(of reply: HTTPReply, from server: HTTPAddress) -> String? {
        guard let text = reply.headers["Location"], text.utf8.count <= 4096,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        let whole: String
        if text.hasPrefix("//") {
            whole = "\(server.scheme):\(text)"
        } else {
            whole = text.hasPrefix("/") ? "\(server.scheme)://\(server.host)\(text)" : text
        }
        return isOf(server, whole) ? whole : nil
    }

    /// Whether what is shown to a server may be shown at an address, which may have a query.
    private static func isOf(_ server: HTTPAddress, _ url: String) -> Bool {
        HTTPAddress(String(url.prefix { $0 != "?" }))?.isRelated(to: server) == true
    }
}
