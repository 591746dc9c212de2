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

        package var json: JSON { ["pins": .array(pins.map(\.json))] }
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

extension Pin {
    /// The pin as machines read it.
    var json: JSON {
        [
            "cid": .text(cid), "name": .string(name), "metadata": .string(metadata), "replicas": .count(replicas),
            "created_at": .text(createdAt), "updated_at": .text(changedAt),
        ]
    }
}
