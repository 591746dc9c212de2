internal import HTTPClient
internal import Multiformats
internal import Schema
internal import Storage

/// The requests that a service of the pinning API 1.0.0 keeps for an account.
struct PinRequests: PinLedger {
    let connection: PinningConnection
    /// What stands in the metadata of requests that this kit makes.
    let mark: String
    /// Brings the bytes first, where the service takes them.
    let bucket: ImportBucket?

    let folder = "pins"

    /// The name of the mark in the metadata of a request.
    static let markName = "ipfs-kit"

    private var target: PinningTarget { connection.target }

    private func request(_ what: String, _ path: String, _ query: [HTTPField] = []) -> PinningRequest {
        let query = query.isEmpty ? "" : HTTPText.query(query)
        return PinningRequest(what: what, url: target.endpoint.url("\(target.endpoint.path)/pins\(path)", query: query))
    }

    private func request(_ what: String, of id: String) -> PinningRequest {
        var request = request(what, "/\(HTTPText.escaped(id))")
        request.isOfOne = true
        return request
    }

    // MARK: Looking

    func entry(_ id: String, of root: CID, _ what: String) async throws(StorageError) -> PinEntry? {
        let request = request(what, of: id)
        do throws(StorageError) {
            let found = try await policy.run { () async throws(StorageError) -> PinEntry in
                try entry(try await connection.document(request), request)
            }
            guard found.id == id else { throw connection.errors.foreign(request) }
            return found.root?.v1 == root.v1 ? found : nil
        } catch  where error.code == .notFound {
            return nil
        }
    }

    /// Each request once: none is passed over, and the list comes to an end.
    func pages(of root: CID?, _ what: String) -> Pulled<[PinEntry]> {
        let states = root == nil ? "pinned" : "queued,pinning,pinned,failed"
        let limit = target.vendor.page
        var fixed = [HTTPField(name: "status", value: states), HTTPField(name: "limit", value: "\(limit)")]
        if let root { fixed.insert(HTTPField(name: "cid", value: "\(root)"), at: 0) }
        return Pulled { [fixed] in
            let place = Locked<TimedListing?>(TimedListing(limit: limit))
            return { () async throws(StorageError) in
                while let here = place.read({ $0 }) {
                    let before = here.before.map { [HTTPField(name: "before", value: "\($0)")] } ?? []
                    var request = request(what, "", fixed + before)
                    request.kind = root == nil ? .page : .stat
                    let (page, count) = try await policy.run { [request] () async throws(StorageError) in
                        try self.page(try await connection.document(request), request)
                    }
                    var next = here
                    guard let fresh = next.take(page, of: count) else {
                        throw connection.errors.foreign(request, next.problem)
                    }
                    place.change { $0 = next.isOver ? nil : next }
                    if !fresh.isEmpty { return fresh }
                }
                return nil
            }
        }
    }

    private func page(_ json: JSON, _ request: PinningRequest) throws(StorageError) -> ([PinEntry], UInt64) {
        guard let count = json["count"]?.natural, let items = json["results"]?.items else {
            throw connection.errors.foreign(request)
        }
        return (try items.map { (item) throws(StorageError) in try entry(item, request) }, count)
    }

    /// What a status of the service says.
    private func entry(_ json: JSON, _ request: PinningRequest) throws(StorageError) -> PinEntry {
        guard let id = json["requestid"]?.string, PinEntry.isNumber(id),
            let state = json["status"]?.string.flatMap({ PinEntry.State(rawValue: $0) }),
            let created = json["created"]?.string.flatMap({ Timestamp($0) }), let cid = json["pin"]?["cid"]?.string
        else { throw connection.errors.foreign(request) }
        let delegates = json["delegates"]?.items?.compactMap(\.string) ?? []
        return PinEntry(
            id: id,
            root: try? CID(cid),
            state: state,
            created: created,
            keeper: Keeper(mark: json["pin"]?["meta"]?[Self.markName]?.string),
            delegates: delegates.prefix(PinningTarget.maxOrigins).filter { HTTPText.isMultiaddr($0) },
            details: String(Redactor.shared.clean(echo: json["info"]?["status_details"]?.string ?? "").prefix(200))
        )
    }

    // MARK: Changing

    /// Asks for a root where no request for it is kept, or none that comes to anything.
    ///
    /// A request of ours that failed, or whose content is damaged, is replaced: nothing is heaped up. What was sent and
    /// whose answer was lost is found by the next try, which looks first.
    func store(_ upload: Upload, _ what: String) async throws(StorageError) -> PinEntry {
        let root = upload.root
        let admission = policy.admission(.store(root))
        if let bucket {
            let known = try await policy.run { () async throws(StorageError) in try await entries(of: root, what) }
            if let best = PinEntry.best(known), !upload.isDamaged { return best }
            try await bucket.bring(upload, what, admission)
        }
        // What has damaged content now is none that was asked for since.
        let stale = Locked<Set<String>?>(upload.isDamaged ? nil : [])
        return try await policy.run { () async throws(StorageError) in
            let known = try await entries(of: root, what)
            let old = stale.change { stale in
                let ids = stale ?? Set(known.filter { $0.state == .pinned }.map(\.id))
                stale = ids
                return ids
            }
            if let best = PinEntry.best(known.filter { !old.contains($0.id) }) { return best }
            let useless = known.first { $0.keeper == .kit(mark) && ($0.state == .failed || old.contains($0.id)) }
            return try await add(upload, in: useless, what, admission)
        }
    }

    /// Makes a request, in the place of one where that is there still.
    private func add(
        _ upload: Upload,
        in old: PinEntry?,
        _ what: String,
        _ admission: Admission
    ) async throws(StorageError) -> PinEntry {
        var call = old.map { request(what, of: $0.id) } ?? request(what, "")
        (call.method, call.kind, call.admission) = ("POST", .put, admission)
        call.headers = [HTTPField(name: "Content-Type", value: "application/json")]
        call.body = .bytes(Array(pin(upload).compact.utf8))
        do throws(StorageError) {
            let made = try entry(try await connection.document(call, [200, 202]), call)
            guard made.root?.v1 == upload.root.v1 else { throw connection.errors.foreign(call) }
            return made
        } catch  where error.code == .notFound && old != nil {
            return try await add(upload, in: nil, what, admission)
        }
    }

    /// What a request says.
    private func pin(_ upload: Upload) -> JSON {
        var members = [JSON.Member("cid", .string("\(upload.root)"))]
        let name = Self.cut(upload.name)
        if !name.isEmpty { members.append(JSON.Member("name", .string(name))) }
        var origins: [String] = []
        for origin in upload.origins + target.origins where !origins.contains(origin) { origins.append(origin) }
        origins = Array(origins.filter { HTTPText.isMultiaddr($0) }.prefix(PinningTarget.maxOrigins))
        if !origins.isEmpty { members.append(JSON.Member("origins", .array(origins.map { .string($0) }))) }
        members.append(JSON.Member("meta", .object([JSON.Member(Self.markName, .string(mark))])))
        return .object(members)
    }

    /// The beginning of a name that services take.
    static func cut(_ name: String) -> String {
        var cut = name.prefix(255)
        while cut.utf8.count > 255 { cut.removeLast() }
        return String(cut)
    }

    func remove(_ id: String, of root: CID, _ what: String, _ admission: Admission) async throws(StorageError) {
        try await perform(deleting: request(what, of: id), admission)
        try await bucket?.remove(root, what, admission)
    }

    /// A request that was made is found by its root, and nothing is left beside it.
    func clear(_ root: CID) async throws(StorageError) {}

    func usage() async throws(StorageError) -> Usage {
        throw StorageError(.unsupported, "The pinning API does not say how much is held.")
    }
}
