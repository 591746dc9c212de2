internal import Multiformats
internal import Schema
internal import Storage

/// Content as several hosts give it, every block of it checked before it is passed on.
struct GatewayService: ContentService {
    let capabilities: Capabilities
    let limits = Limits()
    private let hosts: GatewayHosts
    private let policy: CallPolicy

    init(_ hosts: GatewayHosts, _ target: GatewayTarget) {
        (self.hosts, policy) = (hosts, hosts.policy)
        var powers = TrustlessGateway.capabilities
        if hosts.isComplete { powers.remove(.finds) }
        if !target.hosts.contains(where: \.givesBlocks) { powers.remove(.blocks) }
        // Who has a URL has no token.
        if !target.token.isEmpty || !target.hosts.contains(where: \.hasURLs) { powers.remove(.urls) }
        capabilities = powers
    }

    var objects: (any StorageService)? { nil }

    /// Content is asked for by its CID, whoever stored it.
    func location(for root: CID) throws(StorageError) -> Location? { Location("\(root)") }

    /// That the block of the root is there, of which more than that is not known before all was read.
    func presence(of root: CID, at location: Location?) async -> Presence {
        guard root.inlineContent == nil else { return .present(held(root, nil, "its own CID")) }
        do throws(StorageError) {
            let find = try await policy.run { () async throws(StorageError) in
                try await hosts.first("Looking for \(root)", for: .presence) {
                    (connection) async throws(StorageError) in
                    try await connection.has(root)
                }
            }
            return .present(held(root, find.value, hosts.connections[find.index].host.description))
        } catch {
            return error.code == .notFound ? .absent : .unknown(error)
        }
    }

    func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        try await policy.read("\(root)", nil, version: nil, hasRanges: false) {
            (_, _) async throws(StorageError) in
            let car = GatewayCAR(of: root, from: hosts)
            try await car.begin()
            let stream = Pulled { { () async throws(StorageError) in try await car.next() } }
            return OpenObject(stream, length: nil, version: nil)
        }
    }

    func block(_ cid: CID) async throws(StorageError) -> [UInt8] {
        if let content = cid.inlineContent { return content }
        return try await policy.run { () async throws(StorageError) in try await hosts.block(cid) }
    }

    /// What a host gives of a part of a DAG, as it comes: it is the reader who checks that.
    func extent(_ extent: ContentExtent, of cid: CID) async throws(StorageError) -> (any ByteStream)? {
        let scope: GatewayScope =
            switch extent {
            case .all: .all
            case .file(let range): .file(range)
            }
        return try await policy.read("\(cid)", nil, version: nil, hasRanges: false) {
            (_, _) async throws(StorageError) in
            let find = try await hosts.first("Reading \(cid)", for: .car) { (connection) async throws(StorageError) in
                try await connection.car(cid, scope)
            }
            return OpenObject(find.value, length: nil, version: nil)
        }.stream
    }

    /// Where the first of them gives the CAR: what it gives there only a reader can check.
    func urls(
        of root: CID,
        at location: Location?,
        until end: Timestamp
    ) async throws(StorageError) -> [ObjectURL] {
        hosts.connections.map(\.host).first(where: \.hasURLs).map {
            [ObjectURL($0.url(of: root, .all), of: "\(root)")]
        } ?? []
    }

    /// Each host is asked; one that answers is enough.
    func probe() async throws(StorageError) -> String {
        var (seen, problems): ([String], [StorageError]) = ([], [])
        for connection in hosts.connections {
            do throws(StorageError) {
                let words = try await policy.run { () async throws(StorageError) in try await connection.probe() }
                seen.append("\(connection.errors.http.host) \(words).")
            } catch {
                if error.code == .cancelled { throw error }
                problems.append(error)
            }
        }
        let words = seen + problems.map(\.message)
        if seen.isEmpty, let first = problems.first { throw first.saying(words.joined(separator: " ")) }
        return words.joined(separator: " ")
    }

    private func held(_ root: CID, _ length: UInt64?, _ place: String) -> HeldRoot {
        HeldRoot(
            root: root,
            at: Location("\(root)", length: length),
            length: length,
            digest: nil,
            place: "\(place) \(root)"
        )
    }

    // MARK: What it never does

    func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer { throw Self.onlyReads }

    func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState { .unknown }

    func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        throw Self.onlyReads
    }

    func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {}

    func roots() -> any RootStream { Pulled { { () async throws(StorageError) in throw Self.onlyReads } } }

    func usage(mayWalk: Bool) async throws(StorageError) -> Usage { throw Self.onlyReads }

    private static let onlyReads = StorageError(.unsupported, "A gateway is only read from, and lists nothing.")
}
