internal import HTTPClient
internal import Multiformats
internal import Schema
internal import Storage

/// The files that Pinata keeps for an account: CARs that were uploaded, each as the DAG that was in it.
struct PinataFiles: PinLedger {
    let connection: PinningConnection
    /// What stands beside files that this kit uploads.
    let mark: String
    /// Where CARs are uploaded.
    let place: HTTPAddress
    let settings: PinningSettings
    /// For uploads, before whose answer the service is silent while it reads them.
    let tus: TUSUpload

    let folder = "files"

    private var target: PinningTarget { connection.target }

    init(
        _ connection: PinningConnection,
        _ server: HTTPAddress,
        _ settings: PinningSettings,
        mark: String,
        state: String?
    ) {
        var place = server
        place.path += "/v3/files"
        (self.connection, self.place, self.settings, self.mark) = (connection, place, settings, mark)
        tus = TUSUpload(
            policy: connection.policy,
            failures: connection.failures,
            transport: connection.transport,
            credentials: connection.target.credentials,
            places: TUSPlaces(folder: state),
            partLength: settings.partSize.bytes,
            translate: { (what, reply) in connection.failure(PinningRequest(what: what, url: "", isOfOne: true), reply)
            }
        )
    }

    private func request(_ what: String, _ path: String, _ query: [HTTPField] = []) -> PinningRequest {
        let api = target.api
        return PinningRequest(what: what, url: api.url("\(api.path)/\(path)", query: HTTPText.query(query)))
    }

    // MARK: Looking

    /// A file is in the list of those that have its root.
    func entry(_ id: String, of root: CID, _ what: String) async throws(StorageError) -> PinEntry? {
        try await entries(of: root, what).first { $0.id == id }
    }

    func pages(of root: CID?, _ what: String) -> Pulled<[PinEntry]> {
        PagedListing(
            start: "",
            policy: policy,
            what: what,
            failures: connection.failures,
            page: { (token) async throws(StorageError) in try await page(of: root, at: token, what) }
        ).pages
    }

    /// The page of a token, which names the next one.
    private func page(
        of root: CID?,
        at token: String,
        _ what: String
    ) async throws(StorageError) -> PagedListing<String, PinEntry>.Page {
        var query = [HTTPField(name: "limit", value: "\(target.vendor.page)")]
        if let root { query.append(HTTPField(name: "cid", value: "\(root)")) }
        if !token.isEmpty { query.append(HTTPField(name: "pageToken", value: token)) }
        var request = request(what, "v3/files/public", query)
        request.kind = root == nil ? .page : .stat
        let data = try await connection.document(request)["data"]
        guard let items = data?["files"]?.items ?? (data?["files"] == .null ? [] : nil) else {
            throw connection.errors.foreign(request)
        }
        let next = data?["next_page_token"]?.string ?? ""
        let entries = try items.map { [request] (item) throws(StorageError) in try entry(item, request) }
        return .init(items: entries, first: entries.first?.id, next: next.isEmpty ? nil : next)
    }

    private func entry(_ json: JSON, _ request: PinningRequest) throws(StorageError) -> PinEntry {
        guard let id = json["id"]?.string, PinEntry.isNumber(id), let cid = json["cid"]?.string else {
            throw connection.errors.foreign(request)
        }
        return PinEntry(
            id: id,
            root: try? CID(cid),
            state: .pinned,
            created: json["created_at"]?.string.flatMap { Timestamp($0) },
            keeper: Keeper(mark: json["keyvalues"]?[PinRequests.markName]?.string)
        )
    }

    // MARK: Changing

    /// Uploads a CAR, unless there is a file of its root; one of ours whose content is damaged goes first, for the
    /// service sends nobody's bytes twice.
    func store(_ upload: Upload, _ what: String) async throws(StorageError) -> PinEntry {
        let root = upload.root
        let known = try await policy.run { () async throws(StorageError) in try await entries(of: root, what) }
        if let best = PinEntry.best(known), !upload.isDamaged { return best }
        let car = try await upload.car()
        guard car.length <= target.vendor.largestUpload else {
            let most = ByteCount(target.vendor.largestUpload)
            throw connection.failures.error(.tooLarge, "the service takes CARs of at most \(most)", what)
        }
        let admission = policy.admission(.store(root))
        for old in known where old.keeper == .kit(mark) { try await remove(old.id, of: root, what, admission) }
        let cid: String?
        if car.length <= settings.threshold.bytes {
            cid = try await send(car, upload, what, admission)
        } else {
            let name = "\(root)"
            let reply = try await tus.send(policy.pacing(car), to: place, fields(upload), what, name: name, admission)
            cid = reply?.headers["upload-cid"]
        }
        // What was made of a CAR that was changed on its way is something else.
        guard cid.map({ (try? CID($0))?.v1 == root.v1 }) ?? true else {
            throw connection.failures.error(.corrupt, "the service made another root of it", what).ofUnknownOutcome
        }
        return try await policy.run { () async throws(StorageError) in
            guard let entry = PinEntry.best(try await entries(of: root, what)) else {
                let reason = "the service took it and does not list it yet"
                throw connection.failures.error(.unavailable, reason, what, .later).ofUnknownOutcome
            }
            return entry
        }
    }

    /// What is said of a file: that it is a CAR, and public, for others are kept as they are.
    private func fields(_ upload: Upload) -> [(name: String, value: String)] {
        let name = PinRequests.cut(upload.name)
        var fields = [
            (name: "network", value: "public"), (name: "car", value: "true"),
            (name: "filename", value: "\(upload.root).car"), (name: "filetype", value: "application/vnd.ipld.car"),
            (name: "name", value: name.isEmpty ? "\(upload.root).car" : name),
            (name: "keyvalues", value: JSON.object([JSON.Member(PinRequests.markName, .string(mark))]).compact),
        ]
        if !settings.group.isEmpty { fields.append((name: "group_id", value: settings.group)) }
        return fields
    }

    /// Sends a CAR in one request; gives the root that the service says it has.
    private func send(
        _ car: Body,
        _ upload: Upload,
        _ what: String,
        _ admission: Admission
    ) async throws(StorageError) -> String {
        let form = MultipartBody(
            policy.pacing(car),
            name: "\(upload.root).car",
            type: "application/vnd.ipld.car",
            behind: fields(upload).filter { !$0.name.hasPrefix("file") }
        )
        var call = PinningRequest(what: what, url: place.url(place.path))
        (call.method, call.kind, call.admission) = ("POST", .put, admission)
        (call.headers, call.body) = ([form.contentType], form.body)
        let request = call
        return try await policy.run { () async throws(StorageError) in
            let json = try await connection.document(request, [200, 201])
            guard let cid = json["data"]?["cid"]?.string else { throw connection.errors.foreign(request) }
            return cid
        }
    }

    func remove(_ id: String, of root: CID, _ what: String, _ admission: Admission) async throws(StorageError) {
        try await perform(deleting: request(what, "v3/files/public/\(HTTPText.escaped(id))"), admission)
    }

    /// An upload that was begun and not ended is left to the service, which drops it after a while.
    func clear(_ root: CID) async throws(StorageError) { await tus.places.forget("\(root)") }

    func usage() async throws(StorageError) -> Usage {
        let request = request("Asking how much is stored", "data/userPinnedDataTotal")
        return try await policy.run { () async throws(StorageError) in
            let json = try await connection.document(request)
            guard let used = Self.number(json["pin_size_total"]), let count = Self.number(json["pin_count"]) else {
                throw connection.errors.foreign(request)
            }
            return Usage(used: used, objects: count)
        }
    }

    /// Some of these numbers stand in texts.
    private static func number(_ json: JSON?) -> UInt64? { json?.natural ?? json?.string.flatMap { httpNumber($0) } }
}
