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
        var beliefs: [Belief] = []
        for state in states {
            beliefs += try await catalog.statuses(on: state.name).map {
                Belief(root: $0.cid, backend: state.name, isStored: $0.status == .stored)
            }
        }
        let pins = try await catalog.pins().map { WantedRoot(root: $0.cid, replicas: $0.replicas) }
        let plan = Policies.plan(pins: pins, beliefs: beliefs, places: places, prune: prune, force: force)
        return (plan, Dictionary(states.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }))
    }

    /// What has to be done on one backend.
    func work(on backend: String) async throws -> SyncEngine.Work {
        let (plan, states) = try await plan()
        guard let state = states[backend] else {
            throw KitError(.noSuchBackend, "The backend \(backend) was removed meanwhile.", backend: backend)
        }
        return SyncEngine.Work(state: state, steps: plan.steps[backend] ?? [])
    }
}
