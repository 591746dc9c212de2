internal import HTTPClient
internal import Storage

/// A connection to a service that gives an object for GET, and describes it for HEAD.
protocol HTTPObjects: HTTPConnection {
    /// A call about one object.
    func call(_ what: String, _ method: String, _ name: ObjectName, _ fields: [HTTPField]) -> Call

    /// What the fields of a reply say of an object.
    func info(_ name: ObjectName, length: UInt64, _ headers: HTTPHeaders) -> ObjectInfo

    /// Throws where a reply is about another version than was asked for.
    func checkVersion(_ headers: HTTPHeaders, _ what: String) throws(StorageError)

    /// What a list says of an object; nil where it is not in it.
    func listed(_ name: ObjectName) async throws(StorageError) -> ObjectInfo?
}

/// An object as the service describes it.
struct HTTPObject: Sendable {
    let info: ObjectInfo
    let length: UInt64
    let version: ObjectVersion?
}

extension HTTPObjects {
    /// Most services have one version of an object, or are asked for the one that has the name.
    func checkVersion(_ headers: HTTPHeaders, _ what: String) {}

    /// What the service says of an object; `notFound` only when it says so in its own words.
    ///
    /// A reply to HEAD has no words: where it is not whole, one byte is asked for, and the reply to that has them.
    func look(for name: ObjectName, _ what: String) async throws(StorageError) -> HTTPObject {
        let call = call(what, "HEAD", name, [])
        let reply = try await exchange(call)
        guard [200, 400, 403, 404].contains(reply.status) else { throw await failure(call, reply) }
        if reply.status == 200 { try checkVersion(reply.headers, what) }
        if reply.status == 200, reply.headers["ETag"] != nil, let length = reply.headers.contentLength,
            (try? failures.checkKept(reply.headers, what)) != nil
        {
            return object(name, length, reply.headers)
        }
        return try await askForOneByte(of: name, what)
    }

    private func askForOneByte(of name: ObjectName, _ what: String) async throws(StorageError) -> HTTPObject {
        let answer = try await bytes(call(what, "GET", name, [HTTPField(name: "Range", value: "bytes=0-0")]))
        let headers = answer.reply.headers
        // An empty object has no byte, and the reply does not describe it.
        let length =
            if let download = answer.download {
                try RangeWindow(
                    status: download.status,
                    headers: headers,
                    asked: 0..<1,
                    what,
                    failures
                ).length
            } else {
                RangeWindow.length(outside: headers["Content-Range"]).flatMap { $0 == 0 ? $0 : nil }
            }
        if let length { return object(name, length, headers) }
        guard let info = try await listed(name), let length = info.length else {
            throw failures.error(.unavailable, "the service does not say how long it is", what, .later)
        }
        return HTTPObject(info: info, length: length, version: nil)
    }

    private func object(_ name: ObjectName, _ length: UInt64, _ headers: HTTPHeaders) -> HTTPObject {
        HTTPObject(
            info: info(name, length: length, headers),
            length: length,
            version: ObjectVersion(headers)
        )
    }

    /// Opens an object, or a range of it, in the version that is wanted.
    func open(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let what = "Reading \(name)"
        let read = HTTPRead(
            name: name,
            range: range,
            version: version,
            what: what,
            failures: failures,
            policy: policy,
            look: { () async throws(StorageError) in try await look(for: name, what) }
        )
        if range?.isEmpty == true { return try await read.nothing(at: nil) }
        guard let download = try await bytes(call(what, "GET", name, read.fields)).download else {
            return try await read.nothing(at: range?.lowerBound ?? 0)
        }
        return try await read.object(download)
    }

    /// Sends a request for bytes; nothing is to come of an object that is there and has no byte in the range.
    ///
    /// Throws for what is no object.
    private func bytes(_ call: Call) async throws(StorageError) -> HTTPAnswer {
        let answer = try await download(call, wanted: [200, 206])
        guard answer.reply.status != 416 else { return answer }
        guard answer.download != nil else { throw await failure(call, answer.reply) }
        try failures.checkKept(answer.reply.headers, call.what)
        try checkVersion(answer.reply.headers, call.what)
        // Every such service gives one; a page or a proxy's answer under another type has none.
        guard answer.reply.headers["ETag"] != nil else {
            throw failures.foreign(call.what, "\(failures.host) answered with something that has no ETag")
        }
        return answer
    }
}
