internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Lists the homes that keep content on a backend too.
package struct BackendPeers: Operation {
    package static let name = "backend peers"
    package static let summary = "List the other homes that keep content on a backend, as it shows them now."
    package static let details = """
        Nothing is removed from a backend while another home was seen there within 30 days: it may count on what no pin wants \
        here.
        """

    package var backend = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.backend, help: "The backend.", required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let (register, _) = try await kit.snapshots(on: backend)
        let catalog = try kit.catalog()
        let own = try await kit.identity()
        return try await kitErrors {
            let peers = try await catalog.observing(backend) { try await register.note(own, in: catalog, under: $0) }
            return Output(backend: backend, own: own, peers: peers)
        }
    }

    /// The homes.
    package struct Output: OperationOutput {
        let backend: String
        let own: Catalog.Identity
        let peers: [(peer: Peer, holdsBack: Bool)]

        package var json: JSON {
            [
                "backend": .string(backend), "home": .string(own.instance), "kit": .string(own.kit),
                "peers": .array(
                    peers.map { peer, holdsBack in
                        [
                            "home": peer.instance.isEmpty ? .null : .string(peer.instance),
                            "kit": .string(peer.kit), "first_seen": .text(peer.firstSeen),
                            "last_seen": .text(peer.lastSeen), "noticed_at": .text(peer.noticedAt),
                            "active": .bool(holdsBack),
                            "forgotten_at": .text(peer.forgottenAt), "accepted_at": .text(peer.acceptedAt),
                        ]
                    }
                ),
            ]
        }
        package var report: Report {
            guard !peers.isEmpty else {
                return Report(
                    "No other home keeps content on \(backend); this one is \(own.instance) of the kit \(own.kit)."
                )
            }
            return Report([
                .table(
                    [.init("HOME"), .init("KIT"), .init("LAST SEEN"), .init("HOLDS PRUNE BACK")],
                    rows: peers.map { peer, holdsBack in
                        [
                            peer.instance.isEmpty ? "-" : peer.instance,
                            peer.kit + (peer.kit == own.kit ? " (this one)" : ""),
                            "\(peer.lastSeen.day) \(peer.lastSeen.clock)",
                            holdsBack ? "yes" : peer.isForgotten ? "no: forgotten" : "no: long ago",
                        ]
                    }
                )
            ])
        }
    }
}

/// Says that another home is gone.
package struct BackendPeersForget: Operation {
    package static let name = "backend peers forget"
    package static let summary = "Say that another home, or a whole kit, is gone for good."
    package static let details = """
        It keeps nothing from being removed any more, on all backends, unless it is seen again. What only that home had \
        pinned is told at the next sync, and counts as given up.
        """
    package static let changes = true

    package var identifier = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("id", \.identifier, help: "The home, or the kit.", required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let catalog = try kit.catalog()
        return try await kitErrors {
            let known = try await catalog.peers().filter { $0.instance == identifier || $0.kit == identifier }
            guard try await catalog.forgetPeers(identifier) > 0 else {
                throw KitError(
                    .notFound,
                    "No home or kit “\(identifier)” was seen.",
                    hint: "ipfs-kit backend peers NAME"
                )
            }
            return Output(identifier: identifier, backends: Set(known.map(\.backend)).sorted())
        }
    }

    /// What was forgotten.
    package struct Output: OperationOutput {
        let identifier: String
        let backends: [String]

        package var json: JSON {
            ["forgotten": .string(identifier), "backends": .array(backends.map { .string($0) })]
        }
        package var report: Report { Report("Forgot \(identifier) on \(backends.joined(separator: ", ")).") }
    }
}
