internal import HTTPClient
internal import Storage

extension S3Connection {
    func call(_ what: String, _ method: String, _ name: ObjectName, _ fields: [HTTPField]) -> S3Request {
        let query = keptVersion.map { [HTTPField(name: "versionId", value: $0)] } ?? []
        return S3Request(what: what, method: method, key: target.prefix + name.text, query: query, headers: fields)
    }

    /// The versions of an object that the bucket keeps.
    func versions(of name: ObjectName) -> AmazonVersions {
        AmazonVersions(name: name, key: target.prefix + name.text, policy: policy, failures: failures) {
            (what, query) async throws(StorageError) in
            try await success(S3Request(what: what, method: "GET", query: query))
        }
    }

    /// Who knows no versions gives what has the name, and does not say that he does.
    func checkVersion(_ headers: HTTPHeaders, _ what: String) throws(StorageError) {
        guard let keptVersion, headers["x-amz-version-id"] ?? "null" != keptVersion else { return }
        throw failures.error(.unsupported, "the service gave another version than \(keptVersion)", what)
    }

    func info(_ name: ObjectName, length: UInt64, _ headers: HTTPHeaders) -> ObjectInfo {
        // A prefix may lead into another one.
        let place = target.endpoint
        var info = ObjectInfo(
            name: name,
            length: length,
            modified: headers["Last-Modified"].flatMap(HTTPText.date),
            digest: ETagDigest.hidesDigests(headers) ? nil : ETagDigest.digest(etag: headers["ETag"]),
            place: "\(place.host)\(place.path)/\(target.bucket)/\(target.prefix)\(name)"
        )
        (info.metadata, info.lock) = (AmazonHeaders.metadata(headers), AmazonHeaders.lock(headers))
        return info
    }

    func listed(_ name: ObjectName) async throws(StorageError) -> ObjectInfo? {
        if let keptVersion {
            let found = try await versions(of: name).find(keptVersion)
            return found.flatMap {
                $0.isRemoval ? nil : ObjectInfo(name: name, length: $0.length, modified: $0.modified)
            }
        }
        for try await page in S3Listing(connection: self, prefix: name.text).pages {
            if let info = page.first(where: { $0.name == name }), info.length != nil { return info }
        }
        return nil
    }
}
