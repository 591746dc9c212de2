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
            guard file?.isEnabled ?? true else { continue }
            places.append(
                Place(
                    name: name,
                    takesContent: file?.row.capabilities.contains(.write) ?? true,
                    minReplicas: Int(file?.settings["min_replicas"]?.text ?? "") ?? 1
                )
            )
        }
        self.init(catalog: try kit.catalog(), places: places, prune: prune, force: force)
    }
}
