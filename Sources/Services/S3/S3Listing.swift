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
        /// The keys with which pages began: who names the next place anew each time may still give the same page.
        var beginnings: Set<String> = []
        /// Pages without any key since the last one that had some.
        var emptyPages = 0
    }

    private struct Page: Sendable {
        let objects: [ObjectInfo]
        /// The key with which it begins, ours or not; nil for a page without any.
        let first: String?
        let next: Place
    }

    private static let largestPage = 10_000
    /// Services give empty pages where much was removed lately; so many in a row lead nowhere.
    private static let mostEmptyPages = 100

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
                    let page = try await connection.policy.run { () async throws(StorageError) -> Page? in
                        try await self.page(at: now.place, isOld: now.isOld)
                    }
                    guard let page else {
                        state.change { $0.isOld = true }
                        continue
                    }
                    try advance(state, past: page)
                    if !page.objects.isEmpty { return page.objects }
                }
            }
        }
    }

    private var what: String { prefix.isEmpty ? "Listing the objects" : "Listing the objects under \(prefix)" }

    /// Goes on behind a page, where that leads anywhere: each page of a list brings what none before it brought.
    private func advance(_ state: Locked<State>, past page: Page) throws(StorageError) {
        let isNew = state.change { state in
            if let first = page.first {
                state.emptyPages = 0
                guard state.beginnings.insert(first).inserted else { return false }
            } else {
                state.emptyPages += 1
                guard state.emptyPages <= Self.mostEmptyPages else { return false }
            }
            let mark: String
            switch page.next {
            case .start, .end: mark = ""
            case .token(let text): mark = "t" + text
            case .marker(let text): mark = "m" + text
            }
            guard mark.isEmpty || state.seen.insert(mark).inserted else { return false }
            state.place = page.next
            return true
        }
        guard isNew else {
            throw connection.errors.error(
                .unexpected,
                "the service sends the same pages, or empty ones, again and again",
                what
            )
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
        guard reply.status == 200 else {
            let error = await connection.failure(request, reply)
            if error.code == .unsupported, !isVersion1, case .start = place { return nil }
            throw error
        }
        return try read(try? parseXML(reply.body), from: place)
    }

    private func read(_ root: XMLElement?, from place: Place) throws(StorageError) -> Page {
        guard let root, root.name == "ListBucketResult", let truncation = root["IsTruncated"]?.text.lowercased(),
            ["true", "false"].contains(truncation)
        else {
            throw connection.errors.error(
                .unavailable,
                "\(connection.errors.host) did not answer with a whole listing",
                what,
                .later
            )
        }
        let contents = root.children(named: "Contents")
        guard contents.count <= Self.largestPage else {
            throw connection.errors.error(.unexpected, "the service put \(contents.count) objects on one page", what)
        }
        try checkEnds(root, from: place, isTruncated: truncation == "true")
        let isEscaped = root["EncodingType"]?.text == "url"
        func plain(_ text: String) -> String? { isEscaped ? HTTPText.unescaped(text, plusIsSpace: true) : text }
        try checkSubject(root, plain)
        var objects: [ObjectInfo] = []
        var names: Set<ObjectName> = []
        for element in contents {
            // Names that cannot be ours are nobody's concern here, whatever is said of them.
            guard let name = element["Key"].flatMap({ plain($0.text) }).flatMap(name), !names.contains(name) else {
                continue
            }
            names.insert(name)
            // What makes no sense says nothing of this object, and nothing of the others.
            objects.append(object(name, element["Size"].flatMap { httpNumber($0.text) }, element))
        }
        let first = contents.first?["Key"]?.text
        guard truncation == "true" else { return Page(objects: objects, first: first, next: .end) }
        if let token = root["NextContinuationToken"]?.text, !token.isEmpty {
            return Page(objects: objects, first: first, next: .token(token))
        }
        // Whoever ignores version 2 answers with version 1, where the last key leads on.
        guard let marker = (root["NextMarker"] ?? contents.last?["Key"]).flatMap({ plain($0.text) }) else {
            throw connection.errors.error(.unexpected, "the service does not say where the next page begins", what)
        }
        return Page(objects: objects, first: first, next: .marker(marker))
    }

    /// Throws where a page says itself that it has not all that it should have: another beginning than was asked for, a
    /// next page after the last one, more keys than are in it, a key that is missing, names folded into one, an error.
    private func checkEnds(_ root: XMLElement, from place: Place, isTruncated: Bool) throws(StorageError) {
        func text(_ name: String) -> String? { root[name].flatMap { $0.text.isEmpty ? nil : $0.text } }
        let contents = root.children(named: "Contents")
        let beginning = text("StartAfter") ?? text("Marker") ?? text("ContinuationToken")
        let begins: Bool
        switch place {
        case .start, .end: begins = beginning == nil
        case .token(let token): begins = beginning == nil || beginning == token
        case .marker(let key):
            begins = beginning.map { [$0, HTTPText.unescaped($0, plusIsSpace: true)].contains(key) } ?? true
        }
        let ends = isTruncated || text("NextContinuationToken") == nil && text("NextMarker") == nil
        let isAll =
            contents.allSatisfy { $0["Key"] != nil }
            && root["KeyCount"].flatMap { httpNumber($0.text) } ?? 0 <= contents.count
        guard begins, ends, isAll, root["CommonPrefixes"]?["Prefix"] == nil, root["Error"] == nil else {
            throw connection.errors.error(
                .unavailable,
                "the service answered with a listing that contradicts itself, of which parts are missing",
                what,
                .later
            )
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
            throw connection.errors.error(
                .unavailable,
                "the service answered with the listing of something else",
                what,
                .later
            )
        }
    }

    /// The name of an object under our prefix; nil for names that are none of ours.
    private func name(_ key: String) -> ObjectName? {
        guard key.hasPrefix(connection.target.prefix) else { return nil }
        let name = ObjectName(String(key.dropFirst(connection.target.prefix.count)))
        return name?.text.hasPrefix(prefix) == true ? name : nil
    }

    private func object(_ name: ObjectName, _ length: UInt64?, _ element: XMLElement) -> ObjectInfo {
        let digest = connection.target.vendor.hasChecksums ? nil : S3Encoding.digest(etag: element["ETag"]?.text)
        return ObjectInfo(
            name: name,
            length: length,
            modified: element["LastModified"].flatMap { Timestamp($0.text) },
            digest: digest
        )
    }
}
