internal import Multiformats
internal import Schema
internal import Storage

/// A cluster that keeps each root as a pin; content comes from its nodes, and pins of others are never changed.
struct ClusterService: ContentService {
    let capabilities: Capabilities
    let limits = Limits()
    private let pins: ClusterPins
    private let doors: ContentDoors
    private let place: ClusterPlace
    private let settings: ClusterSettings
    /// What the place was found to be called, which is asked for once.
    private let name = Locked<String?>(nil)

    init(_ pins: ClusterPins, _ doors: ContentDoors, _ place: ClusterPlace, _ settings: ClusterSettings) {
        (self.pins, self.doors, self.place, self.settings) = (pins, doors, place, settings)
        capabilities = IPFSCluster.capabilities(of: settings)
    }

    var objects: (any StorageService)? { nil }

    func location(for root: CID) throws(StorageError) -> Location? { Location("\(root)") }

    // MARK: Looking

    func presence(of root: CID, at location: Location?) async -> Presence {
        do throws(StorageError) {
            let (status, verdict) = try await pins.look(root)
            switch verdict {
            case .held(let peers): return .present(held(root, by: peers, place: "\(try await knownName()) \(root)"))
            case .working, .failed(_, isPartial: true): return .pending(ticket(root, status))
            // Each peer that should have it says that it has not pinned it.
            case .failed(_, isPartial: false), .gone: return .absent
            case .unclear(let reason): return .unknown(Self.unclear("Looking for \(root)", reason))
            }
        } catch {
            return .unknown(error)
        }
    }

    func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState {
        let (status, verdict) = try await pins.look(root)
        switch verdict {
        case .held(let peers): return .done(held(root, by: peers))
        case .working(let peers):
            if isStuck(peers) { try await pins.recover(root) }
            return .open(wait: wait(status))
        case .failed(let sentences, let isPartial):
            // What no peer has is stored anew instead.
            if isPartial { try await pins.recover(root) }
            return .failed(ClusterStatus.list(sentences))
        case .gone: return .unknown
        case .unclear(let reason): throw Self.unclear("Asking for \(root)", reason)
        }
    }

    private func held(_ root: CID, by peers: [ClusterStatus.Peer], place: String? = nil) -> HeldRoot {
        var held = HeldRoot(root: root, at: Location("\(root)"), length: nil, digest: nil, place: place)
        held.remark = "It is pinned on \(ClusterStatus.list(peers.map(\.name)))."
        return held
    }

    private static func unclear(_ what: String, _ reason: String) -> StorageError {
        StorageError(.unavailable, "\(what) failed: \(reason).").ofObject
    }

    private func ticket(_ root: CID, _ status: ClusterStatus) -> Ticket { Ticket("\(root)", wait: wait(status)) }

    /// A pin is asked for again when it is as old again by half, at most an hour later; a new one, by the next sync.
    private func wait(_ status: ClusterStatus) -> Duration? {
        guard let created = status.created else { return nil }
        let age = (pins.policy.timing.now() - created.milliseconds) / 1000
        return age < 60 ? nil : .seconds(min(age / 2, 3600))
    }

    private func isStuck(_ peers: [ClusterStatus.Peer]) -> Bool {
        let now = pins.policy.timing.now()
        return !peers.isEmpty
            && peers.allSatisfy { peer in
                peer.since.map { now - $0.milliseconds > settings.recoverAfter.seconds * 1000 } ?? false
            }
    }

    // MARK: Storing

    func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer {
        let root = upload.root
        let there = try await pins.pin(root)
        // Somebody else's pin stays as it is, and nothing is sent.
        let isOthers = if let there { there.mark != (await pins.ownMark()) } else { false }
        if isOthers, there?.isRecursive == false {
            throw StorageError(.exists, "Storing \(root) failed: somebody else has its one pin, of a part of it alone.")
        }
        if !isOthers, settings.send == .cars { try await pins.add(upload) }
        if !isOthers, settings.send == .cids { try await pins.pin(upload) }
        return try await answer(root, wasThere: there != nil, isOthers: isOthers)
    }

    /// What the peers say of a root that the cluster has just been given: they have a moment for it.
    private func answer(_ root: CID, wasThere: Bool, isOthers: Bool) async throws(StorageError) -> StoreAnswer {
        let last = Locked<Ticket?>(nil)
        do throws(StorageError) {
            return try await pins.policy.run { () async throws(StorageError) in
                let (status, verdict) = try await pins.look(root)
                let ticket = ticket(root, status)
                last.change { $0 = nil }
                switch verdict {
                case .held: return .stored(Location("\(root)"), proof: nil)
                case .working:
                    last.change { $0 = ticket }
                    throw StorageError(.unavailable, "The peers are at work on \(root).", retry: .later)
                case .failed(let sentences, _) where isOthers:
                    let reason = "somebody else pins it, and \(ClusterStatus.list(sentences))"
                    throw Self.unclear("Storing \(root)", reason)
                case .failed, .unclear:
                    if wasThere, !isOthers { try await pins.recover(root) }
                    return .accepted(ticket)
                case .gone: throw Self.forgotten(root)
                }
            }
        } catch {
            if let ticket = last.read({ $0 }) { return .accepted(ticket) }
            throw error.ofUnknownOutcome
        }
    }

    private static func forgotten(_ root: CID) -> StorageError {
        let message = "Storing \(root) failed: the cluster took it, and says that it has no such pin."
        return StorageError(.unavailable, message, retry: .later).ofBrokenPromise
    }

    // MARK: Reading

    func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        let (status, verdict) = try await pins.look(root)
        if case .gone = verdict {
            throw StorageError(.notFound, "Reading \(root) failed: the cluster says that it has no such pin.")
        }
        let holders = status.peers.filter { $0.state == .pinned }
        guard !holders.isEmpty else { throw Self.unclear("Reading \(root)", "no peer says that it has it") }
        let nodes = holders.compactMap(\.node)
        let (isEverywhere, areKnown) = (holders.count == status.peers.count, nodes.count == holders.count)
        let help = settings.readOnline ? "" : ", or let connection.read_online fetch it from there"
        let names = ClusterStatus.list(holders.map(\.name))
        let elsewhere = """
            \(root) is on \(names), and no node that is asked has all of it: name theirs in connection.proxy_url\(help).
            """
        // What a node gives that is none of theirs shows that somebody has it, and not that the cluster does.
        return try await doors.open(root, elsewhere: elsewhere, mayBeElsewhere: settings.readOnline) { node in
            // Of who does not say which node it is, the owner said that it is theirs.
            if let node, areKnown { nodes.contains(node) } else { isEverywhere ? true : nil }
        }
    }

    func block(_ cid: CID) async throws(StorageError) -> [UInt8] { try await doors.block(cid) }

    // MARK: Removing

    /// Takes a pin of this kit out of the pinset; one of somebody else stays, and that is an error.
    func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        guard let pin = try await pins.pin(root) else { return }
        guard pin.mark == (await pins.ownMark()) else {
            let help = "`ipfs-kit backend pin remove` forgets that it is there"
            throw StorageError(.exists, "Removing \(root) failed: its pin is somebody else's, and stays; \(help).")
        }
        try await before()
        try await pins.unpin(root)
    }

    /// What an upload that was stopped leaves are blocks without a pin, which the nodes collect.
    func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {}

    // MARK: All of it

    func roots() -> any RootStream {
        Pulled {
            let roots = StreamCursor(pins.all())
            return { () async throws(StorageError) in
                try await roots.next()?.compactMap { pin in
                    guard let root = pin.cid else { return nil }
                    var held = HeldRoot(root: root, at: Location("\(root)"), length: nil, digest: nil)
                    held.keeper = Keeper(mark: pin.mark)
                    return held
                }
            }
        }
    }

    func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        var usage = Usage(free: try await pins.room())
        guard mayWalk else { return usage }
        var count: UInt64 = 0
        for try await page in pins.all() { count += UInt64(page.count) }
        usage.objects = count
        return usage
    }

    func identity() async throws(StorageError) -> String? {
        let found = try await place.name(of: try await pins.identity().peers)
        name.change { $0 = found }
        return found
    }

    private func knownName() async throws(StorageError) -> String {
        if let name = name.read({ $0 }) { return name }
        return try await identity() ?? ""
    }

    func probe() async throws(StorageError) -> String {
        let peer = try await pins.identity()
        let version = peer.version.isEmpty ? "" : " of version \(peer.version)"
        return "The peer \(peer.name)\(version) of a cluster of \(peer.peers.count) answered."
    }
}
