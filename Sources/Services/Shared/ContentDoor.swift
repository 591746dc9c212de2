internal import HTTPClient
internal import Multiformats
internal import Storage

/// A place where content is read by its CID that a service has, which gives none itself: the RPC API of a node, or a
/// trustless gateway.
struct ContentDoor: Sendable {
    private enum Kind: Sendable {
        /// It may be told to give what it has itself, and to ask nobody else.
        case node(NodeConnection, isOffline: Bool)
        case gateway(GatewayConnection)
    }

    private let kind: Kind
    private let known = Locked<String?>(nil)

    /// The RPC API of a node.
    init(_ node: NodeConnection, isOffline: Bool) { kind = .node(node, isOffline: isOffline) }

    /// A gateway, which knows whether it is to ask others.
    init(_ gateway: GatewayConnection) { kind = .gateway(gateway) }

    /// The CAR of everything below a root, unverified.
    func car(of root: CID) async throws(StorageError) -> any ByteStream {
        switch kind {
        case .node(let node, let isOffline): try await node.export(root, isOffline: isOffline)
        case .gateway(let gateway): try await gateway.car(root, .all)
        }
    }

    /// A block, unverified; `notFound` where the place says that it has none.
    func block(_ cid: CID) async throws(StorageError) -> [UInt8] {
        switch kind {
        case .node(let node, let isOffline): try await node.block(cid, isOffline: isOffline)
        case .gateway(let gateway): try await gateway.block(cid)
        }
    }

    /// The ID of the node, which is asked for once; nil where the place has no such command, as a gateway.
    ///
    /// Whoever could not be asked has said nothing: that is thrown.
    func identity() async throws(StorageError) -> String? {
        guard case .node(let node, _) = kind else { return nil }
        if let identity = known.read({ $0 }) { return identity }
        do throws(StorageError) {
            let identity = try await node.identity()
            known.change { $0 = identity }
            return identity
        } catch  where error.code == .badSettings {
            // 404 or 405, in the words of no node; see ``NodeErrors``.
            return nil
        }
    }
}

/// The places where the content of a service is read, one after another.
struct ContentDoors: Sendable {
    private let doors: [ContentDoor]
    private let policy: CallPolicy
    /// What to do where there is no door, as a sentence.
    private let help: String

    /// RPC APIs of nodes, each up to and with `/api/v0`, and gateways before `/ipfs`; opens nothing before something is
    /// read.
    init(
        nodes: [HTTPAddress],
        _ words: NodeErrors.Words,
        gateways: [HTTPAddress],
        isOffline: Bool,
        _ http: HTTPSettings,
        silence: Int,
        help: String,
        in context: ServiceContext
    ) async throws(StorageError) {
        var doors: [ContentDoor] = []
        for address in nodes {
            let node = try await NodeConnection(
                address,
                authorization: nil,
                words: words,
                http,
                silence: silence,
                in: context
            )
            doors.append(ContentDoor(node, isOffline: isOffline))
        }
        let options = try await http.options(context.operational)
        let transport = HTTPTransport(HTTPClient(options, observer: context.policy.byteCounter))
        for address in gateways {
            let host = GatewayHost(trustless: address)
            doors.append(ContentDoor(GatewayConnection(host, isOffline: isOffline, transport, context.policy)))
        }
        (self.doors, policy, self.help) = (doors, context.policy, help)
    }

    /// The CAR of a root from the first place that gives it, those first that should have it.
    ///
    /// `holds` says of the ID of a node, or of nil where that is not known, whether it should; nil where nobody knows.
    /// Who should not is asked only with `mayBeElsewhere`.
    /// Where it should and has not, the service's word is broken: throws `corrupt`. Where the others have it not, it
    /// may be at places that nobody asks: throws `unavailable`, with `elsewhere` before what they said; or with why one
    /// could not be asked who it is, which the next try may know.
    func open(
        _ root: CID,
        elsewhere: String,
        mayBeElsewhere: Bool,
        holds: @escaping @Sendable (String?) -> Bool?
    ) async throws(StorageError) -> OpenObject {
        try await policy.read("\(root)", nil, version: nil, hasRanges: false) { (_, _) async throws(StorageError) in
            var ranked: [(door: ContentDoor, holds: Bool?)] = []
            var unasked: StorageError?
            for door in doors {
                do throws(StorageError) {
                    ranked.append((door, holds(try await door.identity())))
                } catch {
                    guard error.code != .cancelled else { throw error }
                    // Whose it is may be known at the next try; until then it may give, and its lack proves nothing.
                    unasked = unasked ?? error
                    ranked.append((door, nil))
                }
            }
            var last = doors.isEmpty ? closed : nil
            var broken: StorageError?
            for wanted in mayBeElsewhere ? [true, nil, false] : [true, nil] {
                for (door, holds) in ranked where holds == wanted {
                    do throws(StorageError) {
                        return OpenObject(policy.pacing(try await door.car(of: root)), length: nil, version: nil)
                    } catch {
                        guard error.code != .cancelled else { throw error }
                        last = error
                        if holds == true, Self.isMissing(error) { broken = broken ?? error }
                    }
                }
            }
            if let broken {
                let message = "Reading \(root) failed: who is said to have it does not give it: \(broken.message)"
                throw StorageError(.corrupt, message, cause: broken).ofBrokenPromise
            }
            guard let last else { throw StorageError(.unavailable, elsewhere).ofObject }
            guard Self.isMissing(last) else { throw last }
            if let unasked {
                let message = "\(root) was not given, and one place could not be asked whose it is: \(unasked.message)"
                throw StorageError(.unavailable, message, retry: unasked.retry, cause: unasked)
            }
            throw StorageError(.unavailable, "\(elsewhere) \(last.message)", cause: last).ofObject
        }
    }

    /// A block that one of the places has; that none has it says nothing of those that nobody asks.
    func block(_ cid: CID) async throws(StorageError) -> [UInt8] {
        var last = closed
        for door in doors {
            do throws(StorageError) {
                return try await policy.run { () async throws(StorageError) in try await door.block(cid) }
            } catch {
                guard error.code != .cancelled else { throw error }
                last = error
            }
        }
        guard last.code == .notFound else { throw last }
        throw StorageError(.unavailable, "\(last.message) Other places of the service may have it.").ofObject
    }

    private static func isMissing(_ error: StorageError) -> Bool { error.code == .corrupt || error.code == .notFound }

    private var closed: StorageError { StorageError(.unsupported, help) }
}
