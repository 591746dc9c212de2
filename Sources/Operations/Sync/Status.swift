internal import BlockStore
internal import Catalog
internal import Multiformats
package import Schema
internal import Storage

/// Says how safe everything is, from the catalog alone.
package struct Status: Operation {
    package static let name = "status"
    package static let summary = "Say what is pinned, where it is, and what is out of step; asks no backend."

    package init() {}

    package static let fields: [Field<Self>] = []

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let catalog = try kit.catalog()
        let store = try kit.store()
        try await kit.registerBackends()
        let list = try await BackendList().run(in: kit)
        return try await kitErrors {
            Output(
                home: kit.home.path,
                pins: try await catalog.pinCount(),
                totals: try await store.totals(),
                unprotected: try await catalog.unprotectedPins(),
                list: list
            )
        }
    }

    /// The state of the kit as the catalog knows it.
    package struct Output: OperationOutput {
        let home: String
        let pins: Int
        let totals: (blocks: UInt64, bytes: UInt64)
        let unprotected: [CID]
        let list: BackendList.Output

        package var json: JSON {
            [
                "home": .string(home), "pins": .count(pins), "blocks": .count(totals.blocks),
                "block_bytes": .count(totals.bytes), "pins_without_replica": .count(unprotected.count),
                "backends": list.json["backends"] ?? [], "warnings": .array(list.warnings.map { .string($0) }),
            ]
        }
        package var report: Report {
            var parts: [Report.Part] = [
                .facts([
                    .init("home", home), .init("pins", String(pins)),
                    .init("store", "\(ByteCount(totals.bytes)) in \(totals.blocks) blocks"),
                    .init("pins without a verified replica", String(unprotected.count)),
                ])
            ]
            parts += list.report.parts
            for row in list.rows {
                guard let problem = row.state?.problem else { continue }
                parts.append(.line("last sync of \(row.file.name): \(problem)"))
            }
            if !unprotected.isEmpty || list.rows.contains(where: { $0.state?.isDirty ?? false }) {
                parts.append(.line(list.rows.isEmpty ? "Run: ipfs-kit backend create NAME TYPE" : "Run: ipfs-kit sync"))
            }
            return Report(parts, warnings: list.warnings)
        }
    }
}
