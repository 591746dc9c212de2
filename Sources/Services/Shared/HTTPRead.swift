internal import HTTPClient
internal import Storage

/// One read of an object, or of a range of it, in one version of it.
struct HTTPRead: Sendable {
    let name: ObjectName
    let range: Range<UInt64>?
    /// The version that is wanted; nil for whichever is there.
    let version: ObjectVersion?
    let what: String
    let failures: HTTPFailures
    let policy: CallPolicy
    /// Asks how long the object is, and which version of it that is.
    let look: @Sendable () async throws(StorageError) -> HTTPObject

    /// The fields of the request that say what is wanted.
    var fields: [HTTPField] {
        var fields: [HTTPField] = []
        if let range {
            let last = range.upperBound > UInt64(Int64.max) ? "" : String(range.upperBound - 1)
            fields.append(HTTPField(name: "Range", value: "bytes=\(range.lowerBound)-\(last)"))
        }
        if let version { fields.append(HTTPField(name: "If-Match", value: "\"\(version.text)\"")) }
        return fields
    }

    /// The bytes that were asked for, out of those that came.
    func object(_ download: HTTPDownload) async throws(StorageError) -> OpenObject {
        let found = ObjectVersion(download.headers)
        // Whoever does not know the condition gives what is there.
        guard version == nil || version == found else { throw StorageError.changed(name) }
        var window = try RangeWindow(
            status: download.status,
            headers: download.headers,
            asked: range,
            what,
            failures
        )
        if window.length == nil {
            let object = try await look()
            guard object.version == nil || object.version == found else { throw StorageError.changed(name) }
            window.expect(object.length)
        }
        let stream = WindowedBody(body: download.body, window: window, what: what, failures: failures)
        return OpenObject(
            policy.pacing(stream),
            length: window.length,
            version: found,
            ignoresRange: range != nil && window.skipped > 0
        )
    }

    /// No bytes of an object that is there, and that ends at `start` or before where that is given.
    func nothing(at start: UInt64?) async throws(StorageError) -> OpenObject {
        let object = try await look()
        guard version == nil || version == object.version else { throw StorageError.changed(name) }
        guard start.map({ $0 >= object.length }) ?? true else {
            throw failures.foreign(what, "the service says that it ends before its end")
        }
        return OpenObject(Body([]).open(), length: object.length, version: object.version)
    }
}
