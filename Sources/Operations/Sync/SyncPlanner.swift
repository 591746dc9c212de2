internal import Catalog
internal import Multiformats
internal import Policies
internal import Replication
internal import Storage

/// Makes the plan of a sync from the catalog as it is when it is asked.
struct SyncPlanner: Sendable {
    let catalog: Catalog
    /// Every place where content may be, also those that are not synced now: their replicas count.
    let places: [Place]
    let prune: Bool
    let force: Bool

    /// Looks at all backends that have a file.
    ///
    /// One whose file cannot be read keeps its place: content is not moved because of a slip of the pen.
    init(_ kit: Kit, prune: Bool, force: Bool) throws(KitError) {
        catalog = try kit.catalog()
        self.prune = prune
        self.force = force
        var places: [Place] = []
        for name in try kit.backendNames() where BackendFile.isName(name) {
            let file = try? kit.backend(name)
            guard file?.isEnabled ?? true else { continue }
            places.append(
                Place(
                    name: name,
                    takesContent: file?.row.capabilities.contains(.write) ?? true,
                    minReplicas: Int(file?.settings["min_replicas"]?.text ?? "") ?? 1
                )
            )
        }
        self.places = places
    }

    /// The plan for all places, and the states of the backends as they were before it was made.
    func plan() async throws(CatalogError) -> (plan: Plan, states: [String: BackendState]) {
        // The generations come first: a pin that is added after they were read marks a later one.
        let states = try await catalog.backendStates()
        var copies: [Copy] = []
        for state in states {
            copies += try await catalog.statuses(on: state.name).map {
                Copy(root: $0.cid, backend: state.name, state: Copy.State($0), isOurs: $0.isOurs)
            }
        }
        let pins = try await catalog.pins().map {
            WantedRoot(root: $0.cid, replicas: $0.replicas, changedAt: $0.updatedAt)
        }
        let known = Dictionary(states.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let places = places.map { place in
            Place(
                name: place.name,
                identity: known[place.name]?.place,
                takesContent: place.takesContent,
                minReplicas: place.minReplicas
            )
        }
        let plan = Policies.plan(pins: pins, copies: copies, places: places, prune: prune, force: force)
        return (plan, known)
    }

    /// What has to be done on one backend.
    func work(on backend: String) async throws -> SyncEngine.Work {
        let (plan, states) = try await plan()
        guard let state = states[backend] else {
            throw KitError(.noSuchBackend, "The backend \(backend) was removed meanwhile.", backend: backend)
        }
        return SyncEngine.Work(state, plan.steps[backend] ?? [], plan.aliases[backend])
    }
}

extension Copy.State {
    /// How much is known of a copy; what is being removed counts for nothing until somebody has looked.
    init(_ copy: KnownCopy) {
        if copy.isBeingRemoved {
            self = .leaving
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
