internal import Catalog
internal import IPLD
internal import Multiformats
internal import Replication
internal import Schema
internal import Storage

/// A root of one small block that is stored on a backend without room for objects, read back, and removed again.
struct RootCanary: Sendable {
    let root: CID
    private(set) var steps: [Canary.Step] = []
    /// What the backend said where it has to work on it first; nil where it had it at once.
    private(set) var isAwaited = false
    private let bytes: [UInt8]
    private let backend: String
    private let content: any ContentService
    private let kit: Kit

    /// One for a backend that passes ``Canary/gate(for:)``; nil where that has no use for one.
    init?(for backend: String, _ content: any ContentService, in kit: Kit) async {
        guard content.objects == nil, content.capabilities.isSuperset(of: [.write, .delete]) else { return nil }
        let block = await Self.block(of: kit)
        (root, bytes) = (block.cid, block.bytes)
        (self.backend, self.content, self.kit) = (backend, content, kit)
    }

    /// The root that tests of this home store.
    static func root(of kit: Kit) async -> CID { await block(of: kit).cid }

    /// The block; a home has always the same one, so that what a killed test left is removed by the next.
    private static func block(of kit: Kit) async -> Block {
        let home = (try? await kit.catalog().identity().instance) ?? "nobody"
        return Block(codec: .raw, bytes: Array("ipfs-kit tries with this whether anything is stored: \(home)\n".utf8))
    }

    /// What there is to do, as far as the service has the means.
    var acts: [Canary.Act] { content.capabilities.contains(.reads) ? [.store, .read, .remove] : [.store, .remove] }

    /// Does it all; what the service only works on is not read.
    mutating func run() async throws(Canary.Failure) {
        let (root, bytes, backend, content) = (root, bytes, backend, content)
        var upload = Upload(
            root,
            Body(CARHeader(roots: [root]).encoded + CARSection.prefix(for: root, length: bytes.count) + bytes)
        )
        upload.name = "a test of ipfs-kit"
        let sent = upload
        var answer: StoreAnswer?
        try await step(.store) { () async throws(StorageError) in answer = try await content.store(sent) }
        var place: Location?
        switch answer {
        case .stored(let location, _):
            place = location
            if content.capabilities.contains(.reads) {
                try await step(.read) { () async throws(StorageError) in
                    _ = try await readBack(root, from: content, at: location, longest: 4096)
                }
            }
        case .accepted, nil: isAwaited = true
        }
        try await step(.remove) { () async throws(StorageError) in
            try await content.remove(root, at: place)
            guard case .present = await content.presence(of: root, at: place) else { return }
            throw StorageError(.corrupt, "It says that it removed \(root), and has it still.", backend: backend)
        }
    }

    private mutating func step(
        _ act: Canary.Act,
        _ work: () async throws(StorageError) -> Void
    ) async throws(Canary.Failure) {
        let start = kit.timing.uptime()
        do throws(StorageError) {
            try await work()
        } catch {
            let mayBeLeft = !steps.isEmpty || error.mayHaveHappened
            let isGone = act != .remove && mayBeLeft ? (try? await content.remove(root, at: nil)) != nil : !mayBeLeft
            let rest = isGone ? "" : " The root of the test, \(root), may stay there; a later test removes it."
            throw Canary.Failure(act: act, error: error.saying(error.message + rest))
        }
        steps.append(Canary.Step(title: act.rawValue, milliseconds: kit.milliseconds(since: start)))
    }
}
