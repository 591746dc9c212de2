internal import Multiformats
internal import Schema
internal import Storage

/// A service that keeps each root by an entry of its own, and gives it back through a gateway, where it has one.
struct PinKeeper: ContentService {
    let capabilities: Capabilities
    let limits: Limits
    private let ledger: any PinLedger
    private let gateway: GatewayConnection?
    /// The nodes of the service of which somebody was told.
    private let told = Locked<Set<String>>([])
    /// The numbers of entries that were removed here.
    private let gone = Locked<Set<String>>([])

    init(_ ledger: any PinLedger, _ gateway: GatewayConnection?) {
        (self.ledger, self.gateway) = (ledger, gateway)
        var powers: Capabilities = [.write, .delete, .listing, .sharedRoots]
        if gateway != nil { powers.formUnion([.reads, .blocks]) }
        let target = ledger.connection.target
        powers.insert(target.uploads == nil ? .pins : .takesBytes)
        if ledger is PinataFiles { powers.insert(.usage) }
        (capabilities, limits) = (powers, Limits(largestObject: target.vendor.largestUpload))
    }

    var objects: (any StorageService)? { nil }

    /// Whoever knows no entry asks by the root.
    func location(for root: CID) throws(StorageError) -> Location? { Location("\(root)") }

    // MARK: Looking

    func presence(of root: CID, at location: Location?) async -> Presence {
        do throws(StorageError) {
            let found = try await entries(of: root, ledger.id(in: location), "Looking for \(root)")
            guard let entry = PinEntry.best(found) else { return .absent }
            // What failed counts for nothing, so it is that or being worked on.
            return entry.state == .pinned ? .present(held(root, entry)) : .pending(ticket(entry, root))
        } catch {
            return .unknown(error)
        }
    }

    /// The entry of a number, or all of a root where that is gone or failed: what was replaced has another by now.
    ///
    /// What was removed here is gone, whoever else has an entry of the root: only another one of this kit counts then.
    private func entries(of root: CID, _ id: String?, _ what: String) async throws(StorageError) -> [PinEntry] {
        if let id, let named = try await ledger.entry(id, of: root, what), named.state != .failed { return [named] }
        let all = try await ledger.entries(of: root, what)
        guard let id, gone.read({ $0.contains(id) }) else { return all }
        return all.filter { $0.keeper == .kit(ledger.mark) && $0.id != id }
    }

    private func held(_ root: CID, _ entry: PinEntry) -> HeldRoot {
        let at = ledger.location(of: entry)
        var held = HeldRoot(root: root, at: at, length: nil, digest: nil, modified: entry.created)
        (held.place, held.keeper) = ("\(ledger.connection.target.endpoint.host) \(entry.id)", entry.keeper)
        return held
    }

    func roots() -> any RootStream {
        Pulled {
            let pages = StreamCursor(ledger.pages(of: nil, "Listing the pins"))
            let seen = Locked<[Keeper: Set<CID?>]>([:])
            return { () async throws(StorageError) in
                // A root may have several entries: it comes once for each of those who had it stored.
                try await pages.next()?.compactMap { entry in
                    let isNews = seen.change { $0[entry.keeper, default: []].insert(entry.root).inserted }
                    return isNews ? entry.root.map { held($0, entry) } : nil
                }
            }
        }
    }

    func usage(mayWalk: Bool) async throws(StorageError) -> Usage { try await ledger.usage() }

    // MARK: Storing

    func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer {
        let (what, failures) = ("Storing \(upload.root)", ledger.connection.failures)
        let entry = try await ledger.store(upload, what)
        switch entry.state {
        case .pinned: return .stored(ledger.location(of: entry), proof: nil)
        case .queued, .pinning: return .accepted(ticket(entry, upload.root))
        case .failed:
            throw failures.error(.unavailable, "the service refuses it: \(entry.reason)", what).ofObject
        }
    }

    func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState {
        let found = try await entries(of: root, ticket.text, "Asking for \(root)")
        guard let entry = PinEntry.best(found) ?? found.first(where: { $0.id == ticket.text }) else { return .unknown }
        switch entry.state {
        case .pinned: return .done(held(root, entry))
        case .queued, .pinning: return .open(wait: wait(for: entry))
        case .failed: return .failed(entry.reason)
        }
    }

    private func ticket(_ entry: PinEntry, _ root: CID) -> Ticket {
        Ticket(entry.id, wait: wait(for: entry), note: note(entry))
    }

    /// How long it makes no sense to ask: a tenth of how long it has been asked for, from a second to half a minute.
    private func wait(for entry: PinEntry) -> Duration {
        let now = ledger.policy.timing.now()
        let age = max(0, now - (entry.created?.milliseconds ?? now))
        return .milliseconds(min(max(age / 10, 1000), 30_000))
    }

    /// Which nodes fetch it, which is told once: to be connected to them helps where nothing else leads there.
    private func note(_ entry: PinEntry) -> String? {
        let fresh = told.change { told in entry.delegates.filter { told.insert($0).inserted } }
        guard !fresh.isEmpty else { return nil }
        return "The service fetches content by \(fresh.joined(separator: ", ")). Where it finds nobody who has it, "
            + "connect a node to these with `ipfs swarm connect`, or name one in connection.origins."
    }

    func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {
        if !mayResume { try await ledger.clear(root) }
    }

    // MARK: Giving back

    /// What the service does not keep any more, its gateway may have for a while: that is none of its copies.
    func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        let (what, failures) = ("Reading \(root)", ledger.connection.failures)
        guard let gateway else { throw Self.noGateway }
        let found = try await entries(of: root, ledger.id(in: location), what)
        guard let entry = PinEntry.best(found) else { throw failures.error(.notFound, "it is not pinned there", what) }
        guard entry.state == .pinned else {
            throw failures.error(.unavailable, "the service has not got it yet", what, .later).ofObject
        }
        do throws(StorageError) {
            return try await ledger.policy.read("\(root)", nil, version: nil, hasRanges: false) {
                (_, _) async throws(StorageError) in
                OpenObject(try await gateway.car(root, .all), length: nil, version: nil)
            }
        } catch  where error.code == .notFound {
            let reason = "the service says that it has it, and \(gateway.host) does not give it"
            throw failures.error(.unavailable, reason, what, .later, error).ofBrokenPromise
        }
    }

    func block(_ cid: CID) async throws(StorageError) -> [UInt8] {
        guard let gateway else { throw Self.noGateway }
        return try await ledger.policy.run { () async throws(StorageError) in try await gateway.block(cid) }
    }

    private static let noGateway = StorageError(.unsupported, "connection.gateway_url is not set.")

    // MARK: Removing

    /// Removes what this kit asked for, and nobody else's entry of the same root.
    func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        let what = "Removing \(root)"
        let id = ledger.id(in: location)
        let found = try await entries(of: root, id, what)
        let own = found.filter { $0.keeper == .kit(ledger.mark) }
        guard !own.isEmpty || !found.contains(where: { id == nil || $0.id == id }) else {
            let reason = "this kit did not ask for it there, so it stays; `ipfs-kit backend pin remove` forgets it here"
            throw ledger.connection.failures.error(.permissionDenied, reason, what)
        }
        let admission = ledger.policy.admission(.remove(root))
        for entry in own {
            try await before()
            try await ledger.remove(entry.id, of: root, what, admission)
        }
        if let id { gone.change { _ = $0.insert(id) } }
    }
}
