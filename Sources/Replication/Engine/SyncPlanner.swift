package import Catalog
internal import Multiformats
package import Policies

/// Makes the plan of a sync from the catalog as it is when it is asked.
package struct SyncPlanner: Sendable {
    package let catalog: Catalog
    /// Every place where content may be, also those that are not synced now: their replicas count.
    package let places: [Place]
    package let prune: Bool
    package let force: Bool
    /// Where backends lead now, as far as somebody has looked: who leads elsewhere than at his last sync is no other
    /// name of where he was.
    package var addresses: [String: BackendState.Address] = [:]
    /// Those by which places can be synced now: one of them stands for a place, where it has several names.
    package var able: Set<String> = []

    package init(catalog: Catalog, places: [Place], prune: Bool, force: Bool) {
        self.catalog = catalog
        self.places = places
        self.prune = prune
        self.force = force
    }

    /// Whether the catalog may note that all was settled, so that the next plan is made faster.
    package var remembers = true

    /// The plan for all places, and the states of the backends as they were before it was made.
    ///
    /// Where all was settled when somebody looked last, and few roots changed since, it is made of these: what has to
    /// be done for a root depends on no other one.
    package func plan() async throws(CatalogError) -> (plan: Plan, states: [String: BackendState]) {
        // The generations come first: a pin that is added after they were read marks a later one.
        let states = try await catalog.backendStates()
        let known = Dictionary(states.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let places = places.map { place in
            let state = known[place.name]
            let isThere =
                state?.leadsElsewhere != true && (addresses[place.name].map { state?.leads(to: $0) ?? true } ?? true)
            let isOutdone =
                !able.contains(place.name) && states.contains { $0.place == state?.place && able.contains($0.name) }
            return Place(
                name: place.name,
                identity: isThere ? state?.place : nil,
                takesContent: place.takesContent,
                givesContent: place.givesContent,
                removesContent: place.removesContent,
                minReplicas: place.minReplicas,
                standing: isOutdone ? 1 : 0
            )
        }
        let kind = prune ? Catalog.PlanKind.pruning : .keeping
        let described = Self.describe(places, states)
        // What is looked at anew may be anything.
        let unsettled = force ? nil : try await catalog.unsettled(in: described, for: kind)
        let roots = unsettled?.roots
        var copies: [Copy] = []
        for state in states {
            copies += try await catalog.statuses(on: state.name, of: roots).map {
                Copy(root: $0.cid, backend: state.name, state: Copy.State($0), isOurs: $0.isOurs)
            }
        }
        let pinned = if let roots { try await catalog.pins(of: roots) } else { try await catalog.pins() }
        let pins = pinned.map { WantedRoot(root: $0.cid, replicas: $0.replicas, changedAt: $0.updatedAt) }
        let plan = Policies.plan(pins: pins, copies: copies, places: places, prune: prune, force: force)
        if let unsettled, plan.isSettled, remembers {
            try await catalog.noteSettled(unsettled, in: described, for: kind)
        }
        return (plan, known)
    }

    /// All that a plan depends on beside pins and copies, in words.
    private static func describe(_ places: [Place], _ states: [BackendState]) -> String {
        let places = places.map { place in
            "\(place.name)=\(place.identity) \(place.takesContent) \(place.givesContent) \(place.minReplicas)"
                + (place.standing == 0 ? "" : " \(place.standing)") + (place.removesContent ? "" : " stays")
        }
        return places.sorted().joined(separator: ", ") + "; " + states.map(\.name).joined(separator: ", ")
    }

    /// What has to be done on one backend; nil where it was removed meanwhile.
    package func work(on backend: String) async throws(CatalogError) -> SyncEngine.Work? {
        let (plan, states) = try await plan()
        return states[backend].map { SyncEngine.Work($0, plan.steps[backend] ?? [], plan.aliases[backend]) }
    }
}

extension Copy.State {
    /// How much is known of a copy; what is being removed counts for nothing until somebody has looked.
    init(_ copy: KnownCopy) {
        if copy.isBeingRemoved {
            self = .leaving
            return
        }
        if copy.isAwaited, copy.status != .stored {
            self = .awaited
            return
        }
        switch copy.status {
        case .stored: self = .verified
        case .pending: self = .claimed
        case .corrupt: self = .damaged
        case .missing: self = .missing
        case .unknown, .failed: self = .unknown
        }
    }
}
