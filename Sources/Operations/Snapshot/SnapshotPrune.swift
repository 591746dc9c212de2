internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Removes old snapshots of this kit from a backend.
package struct SnapshotPrune: ChangingOperation {
    package static let name = "snapshot prune"
    package static let summary = "Remove snapshots of this kit from a backend, all but the newest ones of each home."
    package static let details = """
        Those of other kits are never touched. A sync keeps the newest three of this home anyway; snapshots of homes of this \
        kit that are gone stay until they are removed here. What snapshots share goes with the last one that needs it.
        """

    package var backend = ""
    package var keep = 3
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("backend", \.backend, help: "The backend.", as: .backend, required: true, positional: true),
        Field("keep", \.keep, help: "How many of each home stay.", least: 1),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let own = try await kit.identity()
        return try await kit.changing(backend) { (gate, _) async throws in
            if !dryRun { await kit.forgetAnswers([.snapshots], of: backend) }
            let (register, snapshots) = try await kit.snapshots(on: backend, gate: gate)
            let entries = try await register.list()
            let all = entries.snapshots.filter { $0.kit == own.kit }
            var output = Output(backend: backend, own: own, dryRun: dryRun)
            for home in Set(all.map(\.instance)).sorted() {
                let names = all.filter { $0.instance == home }
                let old = try await old(names, snapshots, kit, &output)
                for name in old {
                    if !dryRun {
                        try await snapshots.remove(name)
                        var event = Event(.pruned)
                        (event.backend, event.message) = (backend, name.identifier)
                        call.events?.tell([event])
                    }
                    output.names.append(name)
                }
                let pages = entries.pages.filter { $0.kit == own.kit && $0.instance == home }
                guard !old.isEmpty, !dryRun, !pages.isEmpty else { continue }
                try await remove(pages, neededBy: names.filter { !old.contains($0) }, snapshots, kit, &output)
            }
            return output
        }
    }

    /// Removes pages of a home that none of the snapshots needs that it has left, the newest first.
    ///
    /// Where one of these cannot be read, nobody can say that. What is newer than all of them may be of a snapshot that
    /// the home is about to leave.
    private func remove(
        _ pages: [PagesName],
        neededBy left: [SnapshotName],
        _ snapshots: Snapshots,
        _ kit: Kit,
        _ output: inout Output
    ) async throws {
        guard let newest = left.first else { return }
        var needed: Set<ObjectName> = []
        for name in left {
            do throws(ReplicationError) {
                needed.formUnion(try await snapshots.needs(of: name, scratch: kit.home.scratch))
            } catch {
                guard case .badSnapshot(let problem) = error else { throw error }
                output.warnings.append(
                    "What the snapshot \(name.identifier) shares with others of its home stays, for it is damaged: \(problem)"
                )
                return
            }
        }
        for page in pages where page.time <= newest.time && !needed.contains(page.name) {
            try await snapshots.remove(page)
        }
    }

    /// Those of the snapshots of a home, the newest first, that lie behind as many sound ones as are to stay.
    ///
    /// What stays is read before others go: one that cannot be read is no reason to remove any.
    private func old(
        _ names: [SnapshotName],
        _ snapshots: Snapshots,
        _ kit: Kit,
        _ output: inout Output
    ) async throws -> ArraySlice<SnapshotName> {
        guard names.count > keep else { return [] }
        var sound = 0
        for (index, name) in names.enumerated() {
            if let problem = try await snapshots.problem(with: name, scratch: kit.home.scratch) {
                output.warnings.append("The snapshot \(name.identifier) is damaged, and counts for nothing: \(problem)")
                continue
            }
            sound += 1
            if sound == keep { return names[(index + 1)...] }
        }
        return []
    }

    /// What was removed.
    package struct Output: OperationOutput {
        let backend: String
        var names: [SnapshotName] = []
        let own: Catalog.Identity
        let dryRun: Bool
        var warnings: [String] = []

        package var exitCode: ExitCode { warnings.isEmpty ? .ok : .partlyFailed }

        package static let outputFields: [OutputField<Self>] = [
            .backend { $0.backend },
            .dryRun { $0.dryRun },
            OutputField("snapshots", "Those that are gone, or would be.") { output in
                output.names.map { SnapshotRow($0, output.own) }
            },
            .warnings { $0.warnings },
        ]
        package var report: Report {
            let verb = dryRun ? "would remove" : "removed"
            guard !names.isEmpty else { return Report([.line("Nothing has to be removed.")], warnings: warnings) }
            return Report(names.map { .line("\(verb) \($0.identifier)") }, warnings: warnings)
        }
        package var quietLines: [String]? { names.map(\.identifier) }
    }
}

extension Kit {
    /// Runs `body` with the exclusive lease of a backend, and the gate that looks for it before each request.
    func changing<Value: Sendable>(
        _ backend: String,
        _ body: @Sendable (any ChangeGate, Lease) async throws -> Value
    ) async throws(KitError) -> Value {
        _ = try await backends([backend])
        let catalog = try catalog()
        let duration = try leaseTime()
        return try await kitErrors {
            switch try await catalog.takeLease(backend, for: duration) {
            case .failure(let holder): throw ReplicationError.leased(backend: backend, holder)
            case .success(let lease):
                do {
                    let value = try await body(Fence(catalog: catalog, lease: lease), lease)
                    try await catalog.release(lease)
                    return value
                } catch {
                    try? await catalog.release(lease)
                    throw error
                }
            }
        }
    }
}
