internal import HTTPClient
internal import Schema
internal import Storage
internal import XML

/// One listing of the names under a prefix, page by page.
struct S3Listing: Sendable {
    /// Where the next page begins.
    private enum Place: Sendable {
        case start
        /// The token of version 2.
        case token(String)
        /// The key of version 1 after which to go on.
        case marker(String)
        case end
    }

    private struct State: Sendable {
        var place = Place.start
        /// Whether the service knows only version 1.
        var isOld = false
        /// All places so far: one that comes again would make a circle.
        var seen: Set<String> = []
    }

    private struct Page: Sendable {
        let objects: [ObjectInfo]
        let next: Place
    }

    private static let largestPage = 10_000

    let connection: S3Connection
    let prefix: String

    /// The pages; none is empty, and one that failed is asked for again by the next call.
    var pages: any ObjectStream {
        Pulled {
            let state = Locked(State())
            return { () async throws(StorageError) in
                while true {
                    let now = state.read { $0 }
                    if case .end = now.place { return nil }
                    guard let page = try await page(at: now.place, isOld: now.isOld) else {
                        state.change { $0.isOld = true }
                        continue
                    }
                    try advance(state, to: page.next)
                    if !page.objects.isEmpty { return page.objects }
                }
            }
        }
    }

    private var what: String { prefix.isEmpty ? "Listing the objects" : "Listing the objects under \(prefix)" }

    private func advance(_ state: Locked<State>, to next: Place) throws(StorageError) {
        let isNew = state.change { state in
            let mark: String
            switch next {
            case .start, .end: mark = ""
            case .token(let text): mark = "t" + text
            case .marker(let text): mark = "m" + text
            }
            guard mark.isEmpty || state.seen.insert(mark).inserted else { return false }
            state.place = next
            return true
        }
        guard isNew else {
            throw connection.errors.error(.unexpected, "the service sends the same pages again and again", what)
        }
    }

    /// One page; nil when the service does not know version 2.
    private func page(at place: Place, isOld: Bool) async throws(StorageError) -> Page? {
        var request = S3Request(what: what, method: "GET")
        var query = [
            ("prefix", connection.target.prefix + prefix), ("max-keys", "1000"), ("encoding-type", "url"),
        ]
        switch place {
        case .token(let token): query.append(("continuation-token", token))
        case .marker(let key): query.append(("marker", key))
        case .start, .end: break
        }
        var isVersion1 = isOld
        if case .marker = place { isVersion1 = true }
        if !isVersion1 { query.append(("list-type", "2")) }
        request.query = query.map { HTTPField(name: $0.0, value: $0.1) }
        let reply = try await connection.exchange(request)
        guard (200..<300).contains(reply.status) else {
            let error = await connection.failure(request, reply)
            if error.code == .unsupported, !isVersion1, case .start = place { return nil }
            throw error
        }
        return try read(try? parseXML(reply.body))
    }

    private func read(_ root: XMLElement?) throws(StorageError) -> Page {
        guard let root, root.name == "ListBucketResult", let truncation = root["IsTruncated"]?.text else {
            throw connection.errors.error(.unexpected, "\(connection.errors.host) did not answer with a listing", what)
        }
        let contents = root.children(named: "Contents")
        guard contents.count <= Self.largestPage else {
            throw connection.errors.error(.unexpected, "the service put \(contents.count) objects on one page", what)
        }
        let isEscaped = root["EncodingType"]?.text == "url"
        func plain(_ text: String) throws(StorageError) -> String {
            guard let text = isEscaped ? S3Encoding.unescaped(text) : text else {
                throw connection.errors.error(.unexpected, "the service escapes names in a wrong way", what)
            }
            return text
        }
        var objects: [ObjectInfo] = []
        var names: Set<ObjectName> = []
        var last: String?
        for element in contents {
            guard let key = element["Key"]?.text, let length = element["Size"].flatMap({ UInt64($0.text) }) else {
                throw connection.errors.error(
                    .unexpected,
                    "the service left out the name or the size of an object",
                    what
                )
            }
            let name = try plain(key)
            last = name
            guard let object = object(name, length, element), names.insert(object.name).inserted else { continue }
            objects.append(object)
        }
        guard truncation.lowercased() == "true" else { return Page(objects: objects, next: .end) }
        if let token = root["NextContinuationToken"]?.text, !token.isEmpty {
            return Page(objects: objects, next: .token(token))
        }
        // Whoever ignores version 2 answers with version 1, where the last key leads on.
        guard
            let marker = try root["NextMarker"].map({ element throws(StorageError) in try plain(element.text) }) ?? last
        else {
            throw connection.errors.error(.unexpected, "the service does not say where the next page begins", what)
        }
        return Page(objects: objects, next: .marker(marker))
    }

    /// An object under our prefix; nil for names that are none of ours.
    private func object(_ key: String, _ length: UInt64, _ element: XMLElement) -> ObjectInfo? {
        guard key.hasPrefix(connection.target.prefix),
            let name = ObjectName(String(key.dropFirst(connection.target.prefix.count))), name.text.hasPrefix(prefix)
        else { return nil }
        let digest = connection.target.vendor.hasChecksums ? nil : S3Encoding.digest(etag: element["ETag"]?.text)
        return ObjectInfo(
            name: name,
            length: length,
            modified: element["LastModified"].flatMap { Timestamp($0.text) },
            digest: digest
        )
    }
}
