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
        Field("backend", \.backend, help: "The backend.", required: true, positional: true)
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

        package var json: JSON {
            ["backend": .string(backend), "snapshots": .array(names.map { $0.json(own) })]
        }
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

extension SnapshotName {
    /// What a person calls it: its time, and the home.
    var identifier: String { instance.isEmpty ? String(time) : "\(time)-\(instance)" }

    /// Whose it is, in a word.
    func owner(_ own: Catalog.Identity) -> String {
        if kit != own.kit { return "another kit" }
        return instance == own.instance ? "this home" : instance.isEmpty ? "this kit" : "another home"
    }

    /// The snapshot as machines read it.
    func json(_ own: Catalog.Identity) -> JSON {
        [
            "id": .string(identifier), "name": .string(name.text), "kit": .string(kit),
            "home": instance.isEmpty ? .null : .string(instance),
            "created_at": .text(Timestamp(milliseconds: time)), "is_own": .bool(instance == own.instance),
        ]
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
                hint: "ipfs-kit snapshot list \(backend)",
                backend: backend
            )
        }
        return found
    }
}
