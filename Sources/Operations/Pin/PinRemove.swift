internal import Catalog
internal import Multiformats
package import Schema

/// Removes pins.
package struct PinRemove: Operation {
    package static let name = "pin rm"
    package static let summary = "Remove pins. Replicas stay until `sync --prune` removes them."
    package static let changes = true

    package var cids: [String] = []
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cids", \.cids, help: "The pinned roots.", required: true, positional: true),
        Field("dry_run", \.dryRun, help: "Say what would be done, and change nothing."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        var roots: [CID] = []
        for text in cids { roots.append(try parseCID(text)) }
        let catalog = try kit.catalog()
        return try await kitErrors {
            for root in roots where try await catalog.pin(root) == nil {
                throw KitError(.notFound, "\(root) is not pinned.", hint: "ipfs-kit pin ls", cid: root)
            }
            let removed = dryRun ? roots : try await catalog.removePins(roots, reason: "pin rm")
            return Output(roots: removed, dryRun: dryRun)
        }
    }

    /// The roots that are not pinned any more.
    package struct Output: OperationOutput {
        let roots: [CID]
        let dryRun: Bool

        package var json: JSON { ["unpinned": .array(roots.map { .text($0) }), "dry_run": .bool(dryRun)] }
        package var report: Report { Report(roots.map { .line("\(dryRun ? "would unpin" : "unpinned") \($0)") }) }
        package var quietLines: [String]? { roots.map(\.description) }
    }
}
