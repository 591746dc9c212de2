internal import Catalog
internal import IPLD
internal import Multiformats
internal import POSIX
internal import Replication
internal import Schema
internal import Storage

/// A root of one small block that is stored on a backend without room for objects, read back, and removed again.
struct RootCanary: Sendable {
    let root: CID
    private(set) var steps: [Canary.Step] = []
    /// Whether the backend has to work on it before anybody can read it.
    private(set) var isAwaited = false
    private let bytes: [UInt8]
    private let backend: String
    private let kit: Kit
    /// Of two with one root, each would find or miss what the other stored or removed.
    private let lock: File?

    /// One for a backend that passes ``Canary/gate(for:)``.
    ///
    /// A home has always the same root for a backend, so that what a killed test left is removed by the next; who comes
    /// while that is in use has one of his own.
    init(for backend: String, in kit: Kit) async {
        let file = try? File.ofLock("\(kit.home.path)/locks/root-canary-\(backend)")
        lock = (try? file?.tryLock()) == true ? file : nil
        let home = (try? await kit.catalog().identity().instance) ?? "nobody"
        let words = lock == nil ? PassingName(of: home).text : "\(home) on \(backend)"
        let block = Block(codec: .raw, bytes: Array("ipfs-kit tries whether anything is stored: \(words)\n".utf8))
        (root, bytes) = (block.cid, block.bytes)
        (self.backend, self.kit) = (backend, kit)
    }

    /// Whether a backend has a use for it.
    static func suits(_ content: any ContentService) -> Bool {
        content.objects == nil && content.capabilities.isSuperset(of: [.write, .delete])
    }

    /// What there is to do, as far as the service has the means.
    static func acts(on content: any ContentService) -> [Canary.Act] {
        content.capabilities.contains(.reads) ? [.store, .read, .remove] : [.store, .remove]
    }

    /// Does it all; what the service only works on is not read.
    mutating func run(on content: any ContentService) async throws(Canary.Failure) {
        let (root, bytes, backend) = (root, bytes, backend)
        var upload = Upload(
            root,
            Body(CARHeader(roots: [root]).encoded + CARSection.prefix(for: root, length: bytes.count) + bytes)
        )
        upload.name = "a test of ipfs-kit"
        let sent = upload
        var answer: StoreAnswer?
        try await step(.store, content) { () async throws(StorageError) in answer = try await content.store(sent) }
        var place: Location?
        switch answer {
        case .stored(let location, _):
            place = location
            if content.capabilities.contains(.reads) {
                try await step(.read, content) { () async throws(StorageError) in
                    _ = try await readBack(root, from: content, at: location, longest: 4096)
                }
            }
        case .accepted, nil: isAwaited = true
        }
        try await step(.remove, content) { () async throws(StorageError) in
            try await content.remove(root, at: place)
            switch await content.presence(of: root, at: place) {
            case .absent: return
            case .unknown(let error): throw error
            case .present, .pending:
                throw StorageError(.corrupt, "It says that it removed \(root), and has it still.", backend: backend)
            }
        }
    }

    private mutating func step(
        _ act: Canary.Act,
        _ content: any ContentService,
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
