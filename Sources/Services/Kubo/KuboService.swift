internal import Multiformats
internal import Schema
internal import Storage

/// A node that keeps each root as a recursive pin.
struct KuboService: ContentService {
    let capabilities = Kubo.capabilities
    let limits = Limits()
    private let node: KuboNode
    private let files: KuboFiles

    init(_ node: KuboNode) {
        self.node = node
        files = KuboFiles(node)
    }

    var objects: (any StorageService)? { files }

    func location(for root: CID) throws(StorageError) -> Location? { Location("\(root)") }

    /// What is pinned by somebody else is there too: a node has one pin of a root.
    func presence(of root: CID, at location: Location?) async -> Presence {
        do throws(StorageError) {
            guard try await node.isPinned(root) else { return .absent }
            return .present(held(root, place: "\(try await node.identity()) \(root)"))
        } catch {
            return .unknown(error)
        }
    }

    func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer {
        try await node.load(try await upload.car(), pinning: upload.root)
        return .stored(Location("\(upload.root)"), proof: nil)
    }

    /// Nothing is ever accepted here that is not stored.
    func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState { .unknown }

    /// Blocks without a pin are as good as gone: the node collects them when it wants to.
    func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        guard try await node.isPinned(root) else {
            throw StorageError(.notFound, "Reading \(root) failed: it is not pinned on the node.")
        }
        return try await node.export(root)
    }

    func block(_ cid: CID) async throws(StorageError) -> [UInt8] { try await node.block(cid) }

    func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        try await before()
        try await node.unpin(root)
    }

    /// What an import that was stopped leaves are blocks without a pin, which the node collects.
    func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {}

    func roots() -> any RootStream {
        Pulled {
            let pins = StreamCursor(node.pins(withNames: false))
            return { () async throws(StorageError) in
                try await pins.next()?.compactMap { $0.cid.map { held($0, place: nil) } }
            }
        }
    }

    func usage(mayWalk: Bool) async throws(StorageError) -> Usage { try await node.usage() }

    private func held(_ root: CID, place: String?) -> HeldRoot {
        HeldRoot(root: root, at: Location("\(root)"), length: nil, digest: nil, place: place)
    }
}
