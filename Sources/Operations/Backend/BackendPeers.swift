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
        here. A backend without room for what homes leave shows nobody: there a home knows of the homes that it is a copy of.
        """

    package var backend = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.backend, help: "The backend.", required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let askedAt = kit.now
        let catalog = try kit.catalog()
        let own = try await kit.identity()
        let open = try await kit.open(try await kit.backends([backend])[0], gate: ClosedGate())
        guard let register = HomeRegister(open) else {
            // Where nobody can leave anything, a home knows only of those that it is a copy of.
            return try await kitErrors {
                let known = try await catalog.peers(on: backend).filter { $0.instance != own.instance }
                let peers = known.map { (peer: $0, holdsBack: $0.isActive(at: askedAt)) }
                return Output(backend: backend, askedAt: nil, own: own, peers: peers)
            }
        }
        try await kit.expectPlace(open)
        return try await kitErrors {
            let peers = try await catalog.observing(backend) { try await register.note(own, in: catalog, under: $0) }
            return Output(backend: backend, askedAt: askedAt, own: own, peers: peers)
        }
    }

    /// The homes.
    package struct Output: OperationOutput {
        let backend: String
        /// When it was asked; nil where it was not.
        let askedAt: Timestamp?
        let own: Catalog.Identity
        let peers: [(peer: Peer, holdsBack: Bool)]

        package static let outputFields: [OutputField<Self>] = [
            .backend { $0.backend },
            OutputField("asked_at", "When the backend was asked; null where it was not.") { $0.askedAt },
            OutputField("home", "What this home is called.") { $0.own.instance },
            OutputField("kit", "The kit that this home is of.") { $0.own.kit },
            .list(
                "peers",
                "The other homes that keep content there.",
                of: [
                    OutputField("home", "What it is called; null for one of the time before homes had names.") { item in
                        item.peer.instance.isEmpty ? nil : item.peer.instance
                    },
                    OutputField("kit", "The kit that it is of.") { $0.peer.kit },
                    OutputField("first_seen", "When it was seen there first.") { $0.peer.firstSeen },
                    OutputField("last_seen", "When it was seen there last.") { $0.peer.lastSeen },
                    OutputField("noticed_at", "When it said last that it is at work.") { $0.peer.noticedAt },
                    OutputField("active", "Whether it keeps content from being removed.") { $0.holdsBack },
                    OutputField("forgotten_at", "When somebody said that it is gone.") { $0.peer.forgottenAt },
                    OutputField("accepted_at", "When somebody said that it may be newer than this one.") {
                        $0.peer.acceptedAt
                    },
                ]
            ) { $0.peers },
        ]
        package var report: Report {
            guard !peers.isEmpty else {
                let nobody =
                    askedAt == nil
                    ? "Homes cannot see each other on \(backend), and this one is a copy of none that was at work there"
                    : "No other home keeps content on \(backend)"
                return Report("\(nobody); this one is \(own.instance) of the kit \(own.kit).")
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
package struct BackendPeersForget: ChangingOperation {
    package static let name = "backend peers forget"
    package static let summary = "Say that another home, or a whole kit, is gone for good."
    package static let details = """
        It keeps nothing from being removed any more, on all backends, unless it is seen again. What only that home had \
        pinned is told at the next sync, and counts as given up.
        """

    package var identifier = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("id", \.identifier, help: "The home, or the kit.", required: true, positional: true),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let catalog = try kit.catalog()
        return try await kitErrors {
            let known = try await catalog.peers().filter { $0.instance == identifier || $0.kit == identifier }
            guard try await dryRun ? !known.isEmpty : catalog.forgetPeers(identifier) > 0 else {
                throw KitError(
                    .notFound,
                    "No home or kit “\(identifier)” was seen.",
                    hint: Hint(BackendPeers.self)
                )
            }
            return Output(isDryRun: dryRun, identifier: identifier, backends: Set(known.map(\.backend)).sorted())
        }
    }

    /// What was forgotten.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let identifier: String
        let backends: [String]

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("forgotten", "The home, or the kit.") { $0.identifier },
            OutputField("on", "The backends on which it was known.", as: .backend) { $0.backends },
        ]
        package var report: Report {
            Report("\(isDryRun ? "Would forget" : "Forgot") \(identifier) on \(backends.joined(separator: ", ")).")
        }
    }
}
