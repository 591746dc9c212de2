internal import HTTPClient
internal import Schema
internal import Storage
internal import XML

/// One listing of the names under a prefix, page by page.
struct S3Listing: Sendable {
    /// Where a page begins.
    enum Place: Sendable, Hashable {
        case start
        /// The same for a service that knows only version 1.
        case oldStart
        /// The token of version 2.
        case token(String)
        /// The key of version 1 after which to go on.
        case marker(String)
    }

    private typealias Page = PagedListing<Place, ObjectInfo>.Page

    /// What a page says of one object.
    private struct Entry {
        /// As it came, perhaps with the escapes of a URL.
        let key: String?
        let length: UInt64?
        let modified: String?
        let etag: String?
    }

    /// Some services give more than the thousand that they are asked for.
    private static let largestPage = 100_000
    /// Of what is passed on, nothing stays in memory but the entries.
    private static let limits = XMLLimits(elements: 20 * largestPage)

    let connection: S3Connection
    let prefix: String

    /// The pages; none is empty, and one that failed is asked for again by the next call.
    var pages: any ObjectStream {
        PagedListing(
            start: Place.start,
            policy: connection.policy,
            what: what,
            failures: connection.failures,
            page: { (place) async throws(StorageError) in try await page(at: place) }
        ).pages
    }

    private var what: String { prefix.isEmpty ? "Listing the objects" : "Listing the objects under \(prefix)" }

    private func page(at place: Place) async throws(StorageError) -> PagedListing<Place, ObjectInfo>.Page {
        var query = [("prefix", connection.target.prefix + prefix), ("max-keys", "1000"), ("encoding-type", "url")]
        switch place {
        case .start: query.append(("list-type", "2"))
        case .token(let token): query += [("continuation-token", token), ("list-type", "2")]
        case .marker(let key): query.append(("marker", key))
        case .oldStart: break
        }
        let fields = query.map { HTTPField(name: $0.0, value: $0.1) }
        let request = S3Request(what: what, method: "GET", query: fields)
        let reply = try await connection.exchange(request)
        guard reply.status == 200 else {
            let error = await connection.failure(request, reply)
            guard error.code == .unsupported, place == .start else { throw error }
            return Page(items: [], first: nil, next: .oldStart)
        }
        var entries: [Entry] = []
        let root = try? parseXML(reply.body, limits: Self.limits, passing: "Contents") { element in
            entries.append(
                Entry(
                    key: element["Key"]?.text,
                    length: element.number("Size"),
                    modified: element["LastModified"]?.text,
                    etag: element["ETag"]?.text
                )
            )
        }
        return try read(root, entries, from: place)
    }

    private func read(_ root: XMLElement?, _ entries: [Entry], from place: Place) throws(StorageError) -> Page {
        guard let root, root.name == "ListBucketResult", let truncation = root["IsTruncated"]?.text.lowercased(),
            ["true", "false"].contains(truncation)
        else { throw incomplete("\(connection.failures.host) did not answer with a whole listing") }
        guard entries.count <= Self.largestPage else {
            throw unexpected("the service put \(entries.count) objects on one page")
        }
        try checkEnds(root, entries, from: place, isTruncated: truncation == "true")
        let isEscaped = root["EncodingType"]?.text == "url"
        func plain(_ text: String) -> String? { isEscaped ? HTTPText.unescaped(text, plusIsSpace: true) : text }
        try checkSubject(root, plain)
        var objects: [ObjectInfo] = []
        var names: Set<ObjectName> = []
        for entry in entries {
            // Names that cannot be ours are nobody's concern here, whatever is said of them; and what makes no sense
            // says nothing of an object, and nothing of the others.
            guard let name = entry.key.flatMap(plain).flatMap(name), names.insert(name).inserted else { continue }
            objects.append(object(name, entry))
        }
        let first = entries.first?.key
        guard truncation == "true" else { return Page(items: objects, first: first, next: nil) }
        if let token = root["NextContinuationToken"]?.text, !token.isEmpty {
            return Page(items: objects, first: first, next: .token(token))
        }
        // Whoever ignores version 2 answers with version 1, where the last key leads on.
        guard let marker = (root["NextMarker"]?.text ?? entries.last?.key).flatMap(plain) else {
            throw unexpected("the service does not say where the next page begins")
        }
        return Page(items: objects, first: first, next: .marker(marker))
    }

    /// Throws where a page says itself that it has not all that it should have: another beginning than was asked for, a
    /// next page after the last one, more keys than are in it, a key that is missing, names folded into one, an error.
    private func checkEnds(
        _ root: XMLElement,
        _ entries: [Entry],
        from place: Place,
        isTruncated: Bool
    ) throws(StorageError) {
        func text(_ name: String) -> String? { root[name].flatMap { $0.text.isEmpty ? nil : $0.text } }
        let beginning = text("StartAfter") ?? text("Marker") ?? text("ContinuationToken")
        let begins: Bool
        switch place {
        case .start, .oldStart: begins = beginning == nil
        case .token(let token): begins = beginning == nil || beginning == token
        case .marker(let key):
            begins = beginning.map { [$0, HTTPText.unescaped($0, plusIsSpace: true)].contains(key) } ?? true
        }
        let ends = isTruncated || text("NextContinuationToken") == nil && text("NextMarker") == nil
        let isAll = entries.allSatisfy { $0.key != nil } && root.number("KeyCount") ?? 0 <= entries.count
        guard begins, ends, isAll, root["CommonPrefixes"]?["Prefix"] == nil, root["Error"] == nil else {
            throw incomplete("the service answered with a listing that contradicts itself, of which parts are missing")
        }
    }

    /// Throws where the listing is that of another bucket, or of other names: somebody in between mixed up the answers.
    private func checkSubject(_ root: XMLElement, _ plain: (String) -> String?) throws(StorageError) {
        let bucket = connection.target.bucket
        // The alias of an access point stands for a bucket of another name.
        let isAlias = ["-s3alias", "--ol-s3"].contains { bucket.hasSuffix($0) }
        let isOther = root["Name"].map { !isAlias && !$0.text.isEmpty && $0.text != bucket } ?? false
        let wanted = connection.target.prefix + prefix
        let isElsewhere =
            root["Prefix"].map {
                ![$0.text, plain($0.text), HTTPText.unescaped($0.text, plusIsSpace: true)].contains(wanted)
            } ?? false
        guard !isOther, !isElsewhere else {
            throw incomplete("the service answered with the listing of something else")
        }
    }

    /// The name of an object under our prefix; nil for names that are none of ours.
    private func name(_ key: String) -> ObjectName? {
        guard key.hasPrefix(connection.target.prefix) else { return nil }
        let name = ObjectName(String(key.dropFirst(connection.target.prefix.count)))
        return name?.text.hasPrefix(prefix) == true ? name : nil
    }

    private func object(_ name: ObjectName, _ entry: Entry) -> ObjectInfo {
        let digest = connection.target.vendor.hasChecksums ? nil : ETagDigest.digest(etag: entry.etag)
        return ObjectInfo(
            name: name,
            length: entry.length,
            modified: entry.modified.flatMap { Timestamp($0) },
            digest: digest
        )
    }

    private func incomplete(_ reason: String) -> StorageError {
        connection.failures.error(.unavailable, reason, what, .later)
    }

    private func unexpected(_ reason: String) -> StorageError { connection.failures.error(.unexpected, reason, what) }
}
