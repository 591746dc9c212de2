internal import Multiformats
internal import Schema
internal import Storage

/// What the peers of a cluster say of one root.
struct ClusterStatus: Sendable {
    /// What a word of a peer comes to.
    enum State: Sendable {
        case pinned
        /// It is queued, or being pinned.
        case working
        /// The peer says that it should have it, and has not.
        case failed
        /// The peer is not to have it.
        case elsewhere
        /// The pin is gone, or going.
        case gone
        /// The peer cannot be asked, or says what nobody here knows.
        case silent
    }

    /// What one peer says.
    struct Peer: Sendable {
        let id: String
        let name: String
        let word: String
        let state: State
        let problem: String
        let attempts: UInt64
        /// Since when, by the clock of the peer.
        let since: Timestamp?
        /// The ID of its IPFS node, where it is told.
        let node: String?
    }

    /// In the order of their names.
    let peers: [Peer]
    /// The kit that stored it; nil where none did.
    let mark: String?
    let created: Timestamp?

    /// Reads what is said of a root; nil for what is said of another one, or by somebody who is no cluster.
    init?(_ value: JSON, of root: CID) {
        guard ClusterPin.cid(value["cid"]) == root, case .object(let members)? = value["peer_map"], !members.isEmpty
        else { return nil }
        var peers: [Peer] = []
        for member in members {
            guard let peer = Peer(member.name, member.value) else { return nil }
            peers.append(peer)
        }
        self.peers = peers.sorted { ($0.name, $0.id) < ($1.name, $1.id) }
        mark = value["metadata"]?[ClusterPins.mark]?.string
        created = value["created"]?.string.flatMap { Timestamp($0) }
    }

    /// What it comes to where a root has to be on `least` peers, or on all that should have it, where that is nil.
    ///
    /// A peer that failed fewer than `attempts` times tries again by itself.
    func verdict(needing least: Int?, attempts: Int) -> ClusterVerdict {
        func all(_ state: State) -> [Peer] { peers.filter { $0.state == state } }
        let (pinned, gone, silent) = (all(.pinned), all(.gone), all(.silent))
        let failed = all(.failed).filter { $0.word != "pin_error" || $0.attempts >= UInt64(attempts) }
        let wanted = peers.count { $0.state != .elsewhere }
        let needed = max(1, least ?? wanted)
        if pinned.count >= needed { return .held(pinned) }
        if pinned.isEmpty, all(.working).isEmpty, all(.failed).isEmpty, silent.isEmpty, !gone.isEmpty { return .gone }
        if failed.count < all(.failed).count || !all(.working).isEmpty { return .working(all(.working)) }
        let isPartial = !pinned.isEmpty || !silent.isEmpty
        guard failed.isEmpty else { return .failed(failed.map(\.sentence), isPartial: isPartial) }
        let others = (silent + gone).map(\.sentence)
        let named = others.isEmpty ? "" : "; " + Self.list(others)
        return .unclear("it is pinned on \(pinned.count) of the \(needed) peers that it should be on\(named)")
    }

    /// A few of some texts, and how many more there are.
    static func list(_ texts: [String]) -> String {
        let most = 4
        let rest = texts.count > most ? ["\(texts.count - most) more"] : []
        return (texts.prefix(most) + rest).joined(separator: ", ")
    }
}

/// What a status comes to.
enum ClusterVerdict: Sendable {
    /// It is pinned on as many peers as it has to be.
    case held([ClusterStatus.Peer])
    /// Peers are to pin it, those that are at it among them.
    case working([ClusterStatus.Peer])
    /// Peers gave up, and say why; part of them may have it.
    case failed([String], isPartial: Bool)
    /// The cluster has no such pin.
    case gone
    case unclear(String)
}

extension ClusterStatus.Peer {
    /// So many bytes of a name, or an ID, are taken.
    private static let longest = 256

    fileprivate init?(_ id: String, _ value: JSON) {
        guard let word = value["status"]?.string, (1...Self.longest).contains(id.utf8.count) else { return nil }
        self.id = id
        let name = value["peername"]?.string ?? ""
        self.name = name.isEmpty ? id : Redactor.shared.clean(echo: String(name.prefix(Self.longest)))
        self.word = word
        state = Self.state(word)
        problem = value["error"]?.string ?? ""
        // Older peers do not count.
        attempts = value["attempt_count"]?.natural ?? .max
        since = value["timestamp"]?.string.flatMap { Timestamp($0) }
        node = value["ipfs_peer_id"]?.string
    }

    private static func state(_ word: String) -> ClusterStatus.State {
        switch word {
        case "pinned": .pinned
        case "pinning", "pin_queued", "queued": .working
        case "pin_error", "unexpectedly_unpinned": .failed
        case "remote": .elsewhere
        case "unpinned", "unpinning", "unpin_queued", "unpin_error": .gone
        default: .silent
        }
    }

    /// What it says, for people.
    fileprivate var sentence: String {
        let word = Redactor.shared.clean(echo: word).prefix(40)
        guard !problem.isEmpty else { return "\(name) says \(word)" }
        return "\(name) says \(word): “\(Redactor.shared.clean(echo: problem).prefix(160))”"
    }
}

/// What a cluster has been asked to keep: one entry of its pinset.
struct ClusterPin: Sendable {
    /// Nil for one of a form that nobody knows here.
    let cid: CID?
    /// The kit that stored it; nil where none did.
    let mark: String?
    /// Whether all below the root is pinned with it.
    let isRecursive: Bool
    /// On how many peers it has to be at least; nil for all of them.
    let least: Int?

    /// Reads an entry; nil for anything else.
    init?(_ value: JSON) {
        guard value["cid"] != nil, value["cid"] != .null, value["allocations"] != nil else { return nil }
        cid = Self.cid(value["cid"])
        mark = value["metadata"]?[ClusterPins.mark]?.string
        let isWhole = value["max_depth"].map { $0.natural == nil } ?? true
        // Parts of a sharded DAG, and what holds them together, are pins of other kinds.
        let isData = [nil, .natural(2), .integer(2), .string("pin")].contains(value["type"])
        isRecursive = value["mode"]?.string != "direct" && isWhole && isData
        least = value["replication_factor_min"]?.natural.map { Int(clamping: $0) }
    }

    /// The CID in a text, or in the form that clusters before 1.0 have.
    static func cid(_ value: JSON?) -> CID? { (value?.string ?? value?["/"]?.string).flatMap { try? CID($0) } }
}
