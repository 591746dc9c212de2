internal import HTTPClient
internal import Multiformats
internal import Schema
internal import Storage

/// The pinset of a cluster, by its REST API.
struct ClusterPins: Sendable {
    /// The key of the metadata of a pin that says which kit stored it.
    static let mark = "ipfs-kit"

    /// What a peer says of itself and its cluster.
    struct Identity: Sendable {
        let peer: String
        let name: String
        let version: String
        /// All peers that it knows, itself among them.
        let peers: Set<String>
    }

    let policy: CallPolicy
    private let connection: ClusterConnection
    private let settings: ClusterSettings
    private let kit: @Sendable () async -> String?

    init(_ connection: ClusterConnection, _ settings: ClusterSettings, kit: @escaping @Sendable () async -> String?) {
        (self.connection, self.settings, self.kit) = (connection, settings, kit)
        policy = connection.policy
    }

    private var errors: ClusterErrors { connection.errors }

    /// What is said in the pins of this kit.
    func ownMark() async -> String { await kit() ?? "a home" }

    // MARK: Looking

    /// What the peers say of a root, and what that comes to.
    func look(_ root: CID) async throws(StorageError) -> (status: ClusterStatus, verdict: ClusterVerdict) {
        let request = ClusterRequest(what: "Looking for \(root)", path: "/pins/\(root)")
        let status = try await policy.run { () async throws(StorageError) in
            let value = try await connection.value(request)
            guard let status = ClusterStatus(value, of: root) else {
                throw errors.foreign(request, "the answer says nothing of \(root)")
            }
            return status
        }
        func verdict(_ least: Int?) -> ClusterVerdict { status.verdict(needing: least, attempts: settings.pinAttempts) }
        let wanted = settings.minPeers > 0 ? settings.minPeers : nil
        let strict = verdict(wanted)
        if case .gone = strict { return (status, strict) }
        // A kit pins all of a DAG; somebody else may have pinned its first block alone.
        if case .held = strict, status.mark != nil { return (status, strict) }
        if wanted != nil, status.mark != nil { return (status, strict) }
        guard let pin = try await pin(root), pin.isRecursive else { return (status, .gone) }
        return (status, verdict(wanted ?? pin.least))
    }

    /// What the cluster was asked to keep of a root; nil where it says that it has no such pin.
    func pin(_ root: CID) async throws(StorageError) -> ClusterPin? {
        let request = ClusterRequest(what: "Looking for \(root)", path: "/allocations/\(root)", mayBeAbsent: true)
        do throws(StorageError) {
            return try await policy.run { () async throws(StorageError) in
                guard let pin = ClusterPin(try await connection.value(request)), pin.cid == root else {
                    throw errors.foreign(request, "the answer is not about \(root)")
                }
                return pin
            }
        } catch  where error.code == .notFound {
            return nil
        }
    }

    /// All that the cluster was asked to keep as a whole, in pages; the list is one request.
    func all() -> Pulled<[ClusterPin]> {
        var request = ClusterRequest(what: "Listing the pins", path: "/allocations", kind: .page)
        request.options = [HTTPField(name: "filter", value: "pin")]
        let prepared = request
        let pages = jsonList(of: "pins", most: Self.mostPins) { () async throws(StorageError) in
            try await lines(of: prepared)
        }
        return Pulled {
            let pages = StreamCursor(pages)
            return { () async throws(StorageError) in
                try await pages.next()?.map { (value) throws(StorageError) in
                    guard let pin = ClusterPin(value) else { throw errors.foreign(prepared) }
                    return pin
                }.filter { $0.isRecursive && $0.cid != nil }
            }
        }
    }

    /// A list that goes on behind so many has no end.
    private static let mostPins = 200_000_000
    /// An entry has its peers, its origins and what was said of it; longer ones, in bytes, are taken by nobody.
    private static let longestEntry = 1 << 20

    private func lines(of request: ClusterRequest) async throws(StorageError) -> Pulled<[JSON]> {
        let read = try await policy.read("the list of pins", nil, version: nil, hasRanges: false) {
            (_, _) async throws(StorageError) in
            try await connection.stream(request)
        }
        return jsonLines(read.stream, longest: Self.longestEntry) { errors.foreign(request, $0) }
    }

    // MARK: Changing

    /// How a root is to be pinned.
    private func options(_ upload: Upload) async -> [HTTPField] {
        let (least, most) = settings.factors
        let factors = [("replication-min", least), ("replication-max", most)].filter { $0.1 != 0 }
        var fields = [("name", settings.namePrefix + (upload.name.isEmpty ? "\(upload.root)" : upload.name))]
        fields += factors.map { ($0.0, "\($0.1)") } + [("mode", "recursive"), ("meta-\(Self.mark)", await ownMark())]
        for pair in settings.pinMetadata {
            let key = pair.prefix { $0 != "=" }
            fields.append(("meta-\(key)", String(pair.dropFirst(key.count + 1))))
        }
        if settings.expireIn.seconds > 0 { fields.append(("expire-in", "\(settings.expireIn.seconds)s")) }
        if !settings.peers.isEmpty { fields.append(("user-allocations", settings.peers.joined(separator: ","))) }
        return fields.map { HTTPField(name: $0.0, value: $0.1) }
    }

    /// Sends a CAR, whose root is pinned: what the cluster does not say it added was not stored.
    func add(_ upload: Upload) async throws(StorageError) {
        let root = upload.root
        var request = ClusterRequest(what: "Storing \(root)", method: "POST", path: "/add", kind: .put)
        let streamed = [("format", "car"), ("stream-channels", "true")].map { HTTPField(name: $0.0, value: $0.1) }
        request.options = streamed + (await options(upload))
        request.admission = policy.admission(.store(root))
        request.file = MultipartBody(policy.pacing(try await upload.car()), name: "\(root).car")
        let prepared = request
        try await policy.run { () async throws(StorageError) in
            let added = try await connection.values(prepared).map { ClusterPin.cid($0["cid"]) }
            guard !added.isEmpty, added.allSatisfy({ $0 == root }) else {
                throw errors.foreign(prepared, "the cluster does not say that it added \(root)")
            }
        }
    }

    /// Has a root pinned that the peers get by themselves.
    func pin(_ upload: Upload) async throws(StorageError) {
        var fields = await options(upload)
        let origins = upload.origins.prefix(20).joined(separator: ",")
        if !origins.isEmpty { fields.append(HTTPField(name: "origins", value: origins)) }
        let root = upload.root
        var request = ClusterRequest(what: "Pinning \(root)", method: "POST", path: "/pins/\(root)", kind: .put)
        request.options = fields
        request.admission = policy.admission(.store(root))
        try await change(root, request)
    }

    /// Has peers try again what they gave up, or are stuck with.
    func recover(_ root: CID) async throws(StorageError) {
        let path = "/pins/\(root)/recover"
        var request = ClusterRequest(what: "Recovering \(root)", method: "POST", path: path, kind: .put)
        request.admission = policy.admission(.store(root))
        try await change(root, request)
    }

    /// Takes a root out of the pinset; one that is not in it is no error.
    func unpin(_ root: CID) async throws(StorageError) {
        var request = ClusterRequest(what: "Unpinning \(root)", method: "DELETE", path: "/pins/\(root)", kind: .delete)
        (request.mayBeAbsent, request.admission) = (true, policy.admission(.remove(root)))
        do throws(StorageError) { try await change(root, request) } catch  where error.code == .notFound {}
    }

    /// Sends a request that changes the pin of a root, whose answer is about that.
    private func change(_ root: CID, _ request: ClusterRequest) async throws(StorageError) {
        try await policy.run { () async throws(StorageError) in
            guard ClusterPin.cid(try await connection.value(request)["cid"]) == root else {
                throw errors.foreign(request, "the answer is not about \(root)")
            }
        }
    }

    // MARK: The cluster

    /// Who the peer is, and who is with it.
    func identity() async throws(StorageError) -> Identity {
        let request = ClusterRequest(what: "Asking who the peer is", path: "/id")
        return try await policy.run { () async throws(StorageError) in
            let value = try await connection.value(request)
            guard let peer = value["id"]?.string, HTTPText.isWord(peer, besides: "", 1...128) else {
                throw errors.foreign(request)
            }
            let others = value["cluster_peers"]?.items?.prefix(10_000).compactMap(\.string) ?? []
            let name = value["peername"]?.string ?? peer
            return Identity(
                peer: peer,
                name: Redactor.shared.clean(echo: String(name.prefix(100))),
                version: Redactor.shared.clean(echo: String((value["version"]?.string ?? "").prefix(40))),
                peers: Set(others).union([peer])
            )
        }
    }

    /// How much room there is together, for content of which each peer that is to have it takes as much; nil where not
    /// all peers say theirs.
    func room() async throws(StorageError) -> UInt64? {
        let peers = try await identity().peers
        let request = ClusterRequest(what: "Asking how much room there is", path: "/monitor/metrics/freespace")
        let rows = try await policy.run { () async throws(StorageError) in
            let value = try await connection.value(request)
            guard value == .null || value.items != nil else { throw errors.foreign(request) }
            return value.items ?? []
        }
        let now = policy.timing.now()
        var room: [String: UInt64] = [:]
        for row in rows {
            // Clocks of peers may be a little behind.
            guard row["name"]?.string == "freespace", row["valid"] == .bool(true), let peer = row["peer"]?.string,
                let free = row["value"]?.string.flatMap({ UInt64($0) }), peers.contains(peer),
                let end = row["expire"]?.natural, end / 1_000_000 >= UInt64(max(0, now - 600_000))
            else { continue }
            room[peer] = min(free, room[peer] ?? .max)
        }
        guard room.count == peers.count else { return nil }
        let (least, most) = settings.factors
        if least < 0 || most < 0 { return room.values.min() }
        var sum: UInt64 = 0
        for free in room.values {
            let (next, isOver) = sum.addingReportingOverflow(free)
            guard !isOver else { return nil }
            sum = next
        }
        return sum / UInt64(max(1, least, most))
    }
}
