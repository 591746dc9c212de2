internal import Catalog
internal import Multiformats
package import Schema

/// Removes pins.
package struct PinRemove: ChangingOperation {
    package static let name = "pin rm"
    package static let summary =
        "Remove pins, with all requests for them. Replicas stay until `sync --prune` removes them."

    package var cids: [String] = []
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cids", \.cids, help: "The pinned roots.", as: .cid, required: true, positional: true),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        var roots: [CID] = []
        for text in cids { roots.append(try parseCID(text)) }
        let catalog = try kit.catalog()
        return try await kitErrors {
            for root in roots where try await catalog.pin(root) == nil {
                throw KitError(.notFound, "\(root) is not pinned.", hint: Hint(PinList.self), cid: root)
            }
            guard dryRun else {
                return Output(pins: try await catalog.removePins(roots, reason: "pin rm"), dryRun: false)
            }
            let requests = try await catalog.requestCounts(of: roots)
            var seen: Set<CID> = []
            return Output(pins: roots.filter { seen.insert($0).inserted }.map { ($0, requests[$0] ?? 0) }, dryRun: true)
        }
    }

    /// The roots that are not pinned any more.
    package struct Output: OperationOutput {
        /// How many requests went with each.
        let pins: [(root: CID, requests: Int)]
        let dryRun: Bool

        package static let outputFields: [OutputField<Self>] = [
            OutputField("unpinned", "The roots that are not pinned any longer.") { $0.pins.map(\.root) },
            .list(
                "requests",
                "The pin requests that went with them, or would.",
                of: [
                    OutputField("cid", "The root.") { $0.root },
                    OutputField("count", "How many there were for it.") { $0.requests },
                ]
            ) { output in output.pins.filter { $0.requests > 0 } },
            .dryRun { $0.dryRun },
        ]
        package var report: Report {
            Report(
                pins.map { root, requests in
                    let besides = requests == 0 ? "" : ", with \(requests) request\(requests == 1 ? "" : "s") for it"
                    return .line("\(dryRun ? "would unpin" : "unpinned") \(root)\(besides)")
                }
            )
        }
        package var quietLines: [String]? { pins.map(\.root.description) }
    }
}
