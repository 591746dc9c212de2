internal import Catalog
internal import Replication
package import Schema
internal import Storage

/// Lists the snapshots on a backend.
package struct SnapshotList: Operation {
    package static let name = "snapshot list"
    package static let summary = "List the snapshots that kits left on a backend, the newest first."

    package var backend = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("backend", \.backend, help: "The backend.", as: .backend, required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let (register, _) = try await kit.snapshots(on: backend)
        let own = try await kit.identity()
        return try await kitErrors {
            Output(backend: backend, names: try await register.list().snapshots, own: own)
        }
    }

    /// The snapshots.
    package struct Output: OperationOutput {
        let backend: String
        let names: [SnapshotName]
        let own: Catalog.Identity

        package static let outputFields: [OutputField<Self>] = [
            .backend { $0.backend },
            OutputField("snapshots", "What homes left there, the newest first.") { output in
                output.names.map { SnapshotRow($0, output.own) }
            },
        ]
        package var report: Report {
            guard !names.isEmpty else { return Report("\(backend) has no snapshot.") }
            return Report([
                .table(
                    [.init("ID"), .init("MADE"), .init("KIT"), .init("HOME"), .init("WHOSE")],
                    rows: names.map { name in
                        let made = Timestamp(milliseconds: name.time)
                        return [
                            name.identifier, "\(made.day) \(made.clock)", name.kit,
                            name.instance.isEmpty ? "-" : name.instance, name.owner(own),
                        ]
                    }
                )
            ])
        }
    }
}

extension Kit {
    /// What is known by name on a backend, opened for reading.
    func snapshots(
        on name: String,
        gate: any ChangeGate = ClosedGate()
    ) async throws(KitError) -> (register: HomeRegister, snapshots: Snapshots) {
        let file = try await backends([name])[0]
        let backend = try await open(file, gate: gate)
        guard let register = HomeRegister(backend), let snapshots = Snapshots(backend) else {
            throw KitError(.refused, "\(name) has no room for snapshots.", backend: name)
        }
        try await expectPlace(backend)
        return (register, snapshots)
    }

    /// Throws where a backend is not the place that this home knows.
    func expectPlace(_ backend: OpenBackend) async throws(KitError) {
        do {
            try await HomeRegister.expectPlace(backend, try catalog(), try await identity())
        } catch {
            throw KitError(any: error)
        }
    }
}

/// A snapshot, and whose it is.
struct SnapshotRow: Answer {
    let name: SnapshotName
    let own: Catalog.Identity

    init(_ name: SnapshotName, _ own: Catalog.Identity) { (self.name, self.own) = (name, own) }

    static var sharedName: String? { "snapshot" }
    static let outputFields: [OutputField<Self>] = [
        OutputField("id", "What it is called.") { $0.name.identifier },
        OutputField("name", "The name of its object.") { $0.name.name.text },
        OutputField("kit", "The kit that it is of.") { $0.name.kit },
        OutputField("home", "The home that made it; null where that is not known.") {
            $0.name.instance.isEmpty ? nil : $0.name.instance
        },
        OutputField("created_at", "When it was made.") { Timestamp(milliseconds: $0.name.time) },
        OutputField("is_own", "Whether this home made it.") { $0.name.instance == $0.own.instance },
    ]
}

extension SnapshotName {
    /// What a person calls it: its time, and the home.
    var identifier: String { instance.isEmpty ? String(time) : "\(time)-\(instance)" }

    /// Whose it is, in a word.
    func owner(_ own: Catalog.Identity) -> String {
        if kit != own.kit { return "another kit" }
        return instance == own.instance ? "this home" : instance.isEmpty ? "this kit" : "another home"
    }

    /// The snapshot that a person means, by its identifier or its whole name.
    static func named(
        _ text: String,
        among names: [SnapshotName],
        on backend: String
    ) throws(KitError) -> SnapshotName {
        guard let found = names.first(where: { $0.identifier == text || $0.name.text == text }) else {
            throw KitError(
                .notFound,
                "\(backend) has no snapshot “\(text)”.",
                hint: Hint(SnapshotList.self, ["backend": backend]),
                backend: backend
            )
        }
        return found
    }
}
