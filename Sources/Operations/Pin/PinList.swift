package import Catalog
internal import Multiformats
package import Schema

/// Lists pins.
package struct PinList: Operation {
    package static let name = "pin ls"
    package static let summary = "List the pins."

    package var name: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.name, help: "Only pins whose name has this in it.")
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let catalog = try kit.catalog()
        return try await kitErrors { Output(pins: try await catalog.pins(nameContaining: name)) }
    }

    /// The pins.
    package struct Output: OperationOutput {
        package let pins: [Pin]

        package static let outputFields: [OutputField<Self>] = [
            OutputField("pins", "The pins, the oldest first.") { $0.pins }
        ]
        package var report: Report {
            Report([
                .table(
                    [.init("CID", mayShrink: true), .init("CREATED"), .init("NAME", mayShrink: true)],
                    rows: pins.map { [$0.cid.description, $0.createdAt.day, $0.name] }
                )
            ])
        }
    }
}

extension Pin: Answer {
    package static var sharedName: String? { "pin" }
    package static let outputFields: [OutputField<Self>] = [
        OutputField("cid", "The root.") { $0.cid },
        OutputField("name", "Its name; empty where it has none.") { $0.name },
        OutputField("metadata", "What else somebody wrote about it.") { Metadata($0.metadata) },
        OutputField("replicas", "On how many backends it is wanted; null for all.") { $0.replicas },
        OutputField("created_at", "When it was pinned.") { $0.createdAt },
        OutputField("updated_at", "When something of it changed last.") { $0.changedAt },
    ]
}
