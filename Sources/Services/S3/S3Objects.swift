internal import HTTPClient
internal import Storage

/// An object as the service describes it.
struct S3Object: Sendable {
    let info: ObjectInfo
    let length: UInt64
    let version: ObjectVersion?
}

extension S3Connection {
    /// What the service says of an object; `notFound` only when it says so in its own words.
    ///
    /// A reply to HEAD has no words: where it is not whole, one byte is asked for, and the reply to that has them.
    func look(for name: ObjectName, _ what: String) async throws(StorageError) -> S3Object {
        let request = S3Request(what: what, method: "HEAD", key: target.prefix + name.text)
        let reply = try await exchange(request)
        guard [200, 400, 403, 404].contains(reply.status) else { throw await failure(request, reply) }
        if reply.status == 200, reply.headers["ETag"] != nil, let length = reply.headers.contentLength,
            (try? errors.http.checkKept(reply.headers, what)) != nil
        {
            return object(name, length, reply.headers)
        }
        return try await askForOneByte(of: name, what)
    }

    private func askForOneByte(of name: ObjectName, _ what: String) async throws(StorageError) -> S3Object {
        var request = S3Request(what: what, method: "GET", key: target.prefix + name.text)
        request.add("Range", "bytes=0-0")
        switch try await download(request) {
        case .object(let download):
            let window = try RangeWindow(
                status: download.status,
                headers: download.headers,
                asked: 0..<1,
                what,
                errors.http
            )
            guard let length = window.length else { return try await listed(name, what) }
            return object(name, length, download.headers)
        case .outside(let headers):
            // An empty object has no byte, and the reply does not describe it.
            guard RangeWindow.length(outside: headers["Content-Range"]) == 0 else {
                return try await listed(name, what)
            }
            return object(name, 0, headers)
        }
    }

    /// What a list says of an object that is there and of which nothing else says how long it is.
    private func listed(_ name: ObjectName, _ what: String) async throws(StorageError) -> S3Object {
        for try await page in S3Listing(connection: self, prefix: name.text).pages {
            if let info = page.first(where: { $0.name == name }), let length = info.length {
                return S3Object(info: info, length: length, version: nil)
            }
        }
        throw errors.error(.unavailable, "the service does not say how long it is", what, .later)
    }

    private func object(_ name: ObjectName, _ length: UInt64, _ headers: HTTPHeaders) -> S3Object {
        // A prefix may lead into another one.
        let place = target.endpoint
        let info = ObjectInfo(
            name: name,
            length: length,
            modified: headers["Last-Modified"].flatMap(HTTPText.date),
            digest: S3Encoding.hidesDigests(headers) ? nil : S3Encoding.digest(etag: headers["ETag"]),
            place: "\(place.host)\(place.path)/\(target.bucket)/\(target.prefix)\(name)"
        )
        return S3Object(info: info, length: length, version: ObjectVersion(etag: headers["ETag"]))
    }
}
