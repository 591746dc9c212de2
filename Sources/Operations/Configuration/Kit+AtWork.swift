internal import Catalog
internal import Replication
internal import Storage

extension Kit {
    /// Says on backends that this home is at work there, where it has not, or not for long; gives what kept it from
    /// that.
    ///
    /// Other homes remove what they believe that nobody counts on, and who only reads is not seen by them.
    func sayAtWork(on files: [BackendFile]) async throws -> [String] {
        let catalog = try catalog()
        let own = try await identity()
        var warnings: [String] = []
        for state in try await catalog.backendStates()
        where state.marker == nil || SyncEngine.isSilent(state, at: catalog.time) {
            guard let file = files.first(where: { $0.name == state.name }), !state.leadsElsewhere,
                file.row.capabilities.isSuperset(of: [.write, .listing])
            else { continue }
            do throws(KitError) {
                try await changing(file.name) { (gate, lease) async throws in
                    // What was looked at may have been removed, and another place have its name by now.
                    guard try await address(of: self.backend(file.name)) == address(of: file) else { return }
                    let backend = try await open(file, gate: gate)
                    try await expectPlace(backend)
                    try await HomeRegister(backend)?.renew(own, in: catalog, under: lease)
                }
            } catch {
                warnings.append(
                    "\(file.name): other homes do not know that this one counts on what is there, for it could not say so: "
                        + error.message
                )
            }
        }
        return warnings
    }
}
