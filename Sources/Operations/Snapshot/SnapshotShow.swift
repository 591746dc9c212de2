internal import Catalog
internal import Multiformats
internal import POSIX
internal import Replication
package import Schema
internal import Storage

/// Shows what is in a snapshot.
package struct SnapshotShow: Operation {
    package static let name = "snapshot show"
    package static let summary = "Show what is in a snapshot on a backend: pins, backends and mappings."

    package var backend = ""
    package var snapshot: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("backend", \.backend, help: "The backend.", as: .backend, required: true, positional: true),
        Field("snapshot", \.snapshot, help: "The snapshot; the newest where it is not given.", positional: true),
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let askedAt = kit.now
        let (register, snapshots) = try await kit.snapshots(on: backend)
        return try await kitErrors {
            let all = try await register.list().snapshots
            let chosen = try snapshot.map { try SnapshotName.named($0, among: all, on: backend) } ?? all.first
            guard let chosen else {
                throw KitError(.notFound, "\(backend) has no snapshot.", hint: Hint(Sync.self), backend: backend)
            }
            let path = temporaryName(beside: kit.home.scratch + "/snapshot")
            defer { try? removeFile(path) }
            let content = try await snapshots.fetch(chosen, into: path)
            return Output(
                name: chosen,
                own: try await kit.identity(),
                askedAt: askedAt,
                pins: try content.pins(),
                mappings: try content.mappings().count,
                backends: content.backends.map(\.name)
            )
        }
    }

    /// A snapshot.
    package struct Output: OperationOutput {
        let name: SnapshotName
        let own: Catalog.Identity
        let askedAt: Timestamp
        let pins: [Pin]
        let mappings: Int
        let backends: [String]

        package static let outputFields: [OutputField<Self>] = [
            OutputField("snapshot", "The snapshot.") { SnapshotRow($0.name, $0.own) },
            .askedAt { $0.askedAt },
            OutputField("pins", "The pins in it.") { $0.pins },
            OutputField("mapping_count", "How many mappings are in it.") { $0.mappings },
            OutputField("backend_names", "The backends whose settings are in it.", as: .backend) { $0.backends },
        ]
        package var report: Report {
            Report([
                .facts([
                    .init("snapshot", name.identifier), .init("kit", name.kit), .init("whose", name.owner(own)),
                    .init("made", Timestamp(milliseconds: name.time).description), .init("mappings", String(mappings)),
                    .init("backends", backends.isEmpty ? "none" : backends.joined(separator: ", ")),
                    .init("pins", String(pins.count)),
                ]),
                .table(
                    [.init("CID", mayShrink: true), .init("CREATED"), .init("NAME", mayShrink: true)],
                    rows: pins.map { [$0.cid.description, $0.createdAt.day, $0.name] }
                ),
            ])
        }
    }
}
