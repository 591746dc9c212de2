internal import Policies
internal import Replication
internal import Storage

extension SyncPlanner {
    /// Looks at all backends that have a file.
    ///
    /// One whose file cannot be read keeps its place: content is not moved because of a slip of the pen.
    init(_ kit: Kit, prune: Bool, force: Bool) throws(KitError) {
        var places: [Place] = []
        for name in try kit.backendNames() where BackendFile.isName(name) {
            let file = try? kit.backend(name)
            let powers = file.map { Self.powers($0, kit) }
            // A disabled one is no place for anything, and may be the same place as another.
            places.append(
                Place(
                    name: name,
                    takesContent: file.map { $0.isEnabled && !$0.onlyGives } ?? true,
                    givesContent: powers?.contains(.reads) ?? true,
                    removesContent: powers?.contains(.delete) ?? true,
                    minReplicas: Self.minReplicas(file, kit)
                )
            )
        }
        self.init(catalog: try kit.catalog(), places: places, prune: prune, force: force)
    }

    /// A plan without the removals that backends would refuse which list nothing, and why.
    ///
    /// What some can do is only known when they are opened. One that cannot be opened says nothing of that.
    static func withoutRefused(
        _ plan: Plan,
        _ files: [BackendFile],
        _ kit: Kit
    ) async throws(KitError) -> (plan: Plan, reasons: [String]) {
        var (plan, reasons) = (plan, [String]())
        for file in files where plan.steps[file.name]?.contains(where: \.isRemoval) == true {
            do throws(KitError) {
                let content = try await kit.open(file, gate: ClosedGate()).content
                guard content.objects != nil, !content.capabilities.contains(.listing) else { continue }
                plan.steps[file.name]?.removeAll(where: \.isRemoval)
                reasons.append(SyncEngine.unlisted(file.name))
            } catch {
                if error.code == .interrupted { throw error }
            }
        }
        return (plan, reasons)
    }

    /// What a backend can do at most, as far as its settings are known now.
    private static func powers(_ file: BackendFile, _ kit: Kit) -> Capabilities {
        let values = try? file.known(in: kit.environment).values(environment: kit.environment)
        return file.row.capabilities(of: values?.type ?? [:])
    }

    /// How many other replicas there must be before content may go; where that cannot be read, none are enough.
    private static func minReplicas(_ file: BackendFile?, _ kit: Kit) -> Int {
        guard let file else { return .max }
        guard let text = file.settings["min_replicas"]?.text else { return 1 }
        let number = (try? expand(text, environment: kit.environment)).flatMap { Int($0) }
        return number.flatMap { $0 < 0 ? nil : $0 } ?? .max
    }
}
