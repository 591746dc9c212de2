internal import HTTPClient
internal import Schema
internal import Storage
internal import XML

/// The versions of one object that a bucket keeps, in Amazon's protocol (ListObjectVersions).
struct AmazonVersions: Sendable {
    private typealias Page = PagedListing<Place, KeptVersion>.Page

    /// The version after which a page begins; both are empty for the first one.
    private struct Place: Sendable, Hashable {
        var key = ""
        var version = ""
    }

    let name: ObjectName
    /// The whole name of the object in the bucket.
    let key: String
    let policy: CallPolicy
    let failures: HTTPFailures
    /// Asks the bucket, with this query, for the versions of what begins so; throws for what is no success.
    let ask: @Sendable (_ what: String, [HTTPField]) async throws(StorageError) -> HTTPReply

    /// The pages, the newest version first.
    var pages: any VersionStream {
        PagedListing(
            start: Place(),
            policy: policy,
            what: what,
            failures: failures,
            mostPages: 1000,
            page: { (place) async throws(StorageError) in try await page(after: place) }
        ).pages
    }

    private var what: String { "Listing the versions of \(name)" }

    /// The version that is called so; nil where the list has none.
    func find(_ id: String) async throws(StorageError) -> KeptVersion? {
        for try await page in pages { if let version = page.first(where: { $0.id == id }) { return version } }
        return nil
    }

    /// The error to end with where a version could not be read: a list says whether there is one that can be.
    ///
    /// Services refuse in words of their own what is no name of a version, and what only says that there was a removal;
    /// and some take no notice of the name.
    func told(_ error: StorageError, of id: String) async -> StorageError {
        guard error.code != .notFound else {
            return StorageError(.notFound, "The bucket has no version \(id) of \(name) that could be read.")
        }
        guard [.unsupported, .unexpected].contains(error.code) else { return error }
        let found: KeptVersion?
        do throws(StorageError) {
            found = try await find(id)
        } catch let later {
            return later.code == .cancelled ? later : error
        }
        guard let version = found else {
            return StorageError(.notFound, "The bucket keeps no version \(id) of \(name).")
        }
        guard version.isRemoval else { return error }
        return StorageError(.notFound, "The version \(id) of \(name) says that it was removed, and has no bytes.")
    }

    private func page(after place: Place) async throws(StorageError) -> Page {
        var query = [("versions", ""), ("prefix", key), ("max-keys", "1000")]
        if !place.key.isEmpty { query += [("key-marker", place.key), ("version-id-marker", place.version)] }
        let reply = try await ask(what, query.map { HTTPField(name: $0.0, value: $0.1) })
        guard let root = try? parseXML(reply.body), root.name == "ListVersionsResult",
            let truncation = root["IsTruncated"]?.text.lowercased(), ["true", "false"].contains(truncation)
        else { throw wrong(.unavailable, "\(failures.host) did not answer with a whole list of versions") }
        let all = root.children.filter { ["Version", "DeleteMarker"].contains($0.name) }
        // Longer names begin with ours; others were not asked for.
        guard [key, ""].contains(root["Prefix"]?.text ?? ""), all.allSatisfy({ $0["Key"]?.text.hasPrefix(key) == true })
        else {
            throw wrong(.unexpected, "the service listed the versions of something else")
        }
        let versions = try all.filter { $0["Key"]?.text == key }.map(version)
        guard Set(versions.map(\.id)).count == versions.count, versions.count(where: \.isLatest) <= 1 else {
            throw wrong(.unexpected, "the service listed a version twice, or two as the latest")
        }
        let first = all.first.map { "\($0["Key"]?.text ?? "") \($0["VersionId"]?.text ?? "")" }
        return Page(items: Self.newestFirst(versions), first: first, next: try next(root, truncation == "true"))
    }

    /// Where the next page begins; nil where what follows is of longer names.
    private func next(_ root: XMLElement, _ isTruncated: Bool) throws(StorageError) -> Place? {
        guard isTruncated else { return nil }
        guard let next = root["NextKeyMarker"]?.text, next.hasPrefix(key) else {
            throw wrong(.unexpected, "the service does not say where the next page begins")
        }
        guard next == key else { return nil }
        guard let version = root["NextVersionIdMarker"]?.text, !version.isEmpty else {
            throw wrong(.unexpected, "the service does not say with which version the next page begins")
        }
        return Place(key: next, version: version)
    }

    private func version(_ element: XMLElement) throws(StorageError) -> KeptVersion {
        // What was stored before versions were kept has no name of its own.
        let id = element["VersionId"].flatMap { $0.text.isEmpty ? nil : $0.text } ?? "null"
        guard KeptVersion.isID(id) else { throw wrong(.unexpected, "the service has a version without a usable name") }
        let isRemoval = element.name == "DeleteMarker"
        return KeptVersion(
            id: id,
            length: isRemoval ? nil : element.number("Size"),
            modified: element["LastModified"].flatMap { Timestamp($0.text) },
            isLatest: element["IsLatest"]?.text.lowercased() == "true",
            isRemoval: isRemoval
        )
    }

    /// Some list removals behind all others; what is of one second stays as it came.
    private static func newestFirst(_ versions: [KeptVersion]) -> [KeptVersion] {
        func rank(_ version: KeptVersion) -> Int64 { version.isLatest ? .max : version.modified?.milliseconds ?? .min }
        return versions.enumerated().sorted { one, other in
            (rank(one.element), -one.offset) > (rank(other.element), -other.offset)
        }.map(\.element)
    }

    private func wrong(_ code: StorageError.Code, _ reason: String) -> StorageError {
        failures.error(code, reason, what, code == .unavailable ? .later : .never)
    }
}
