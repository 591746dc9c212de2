internal import HTTPClient
internal import Storage

extension S3Connection {
    func call(_ what: String, _ method: String, _ name: ObjectName, _ fields: [HTTPField]) -> S3Request {
        S3Request(what: what, method: method, key: target.prefix + name.text, headers: fields)
    }

    func info(_ name: ObjectName, length: UInt64, _ headers: HTTPHeaders) -> ObjectInfo {
        // A prefix may lead into another one.
        let place = target.endpoint
        return ObjectInfo(
            name: name,
            length: length,
            modified: headers["Last-Modified"].flatMap(HTTPText.date),
            digest: ETagDigest.hidesDigests(headers) ? nil : ETagDigest.digest(etag: headers["ETag"]),
            place: "\(place.host)\(place.path)/\(target.bucket)/\(target.prefix)\(name)"
        )
    }

    func listed(_ name: ObjectName) async throws(StorageError) -> ObjectInfo? {
        for try await page in S3Listing(connection: self, prefix: name.text).pages {
            if let info = page.first(where: { $0.name == name }), info.length != nil { return info }
        }
        return nil
    }
}
