internal import Catalog
package import Schema

/// Makes a kit home.
package struct Initialise: Operation {
    package static let name = "init"
    package static let summary = "Make a kit home, or complete one; what is there stays."
    package static let changes = true

    package var newCatalog = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "new_catalog",
            \.newCatalog,
            help:
                "Make a new catalog beside a store whose own is lost or another's. What was pinned is not known in it."
        )
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let existed = try kit.home.exists()
        try await kit.initialise(newCatalog: newCatalog)
        return Output(
            home: kit.home.path,
            existed: existed,
            madeCatalog: newCatalog,
            kit: try await kit.identity().kit
        )
    }

    /// The home that is there now.
    package struct Output: OperationOutput {
        let home: String
        let existed: Bool
        /// Whether a new catalog was made beside what is there.
        let madeCatalog: Bool
        let kit: String

        package var json: JSON {
            [
                "home": .string(home), "kit": .string(kit), "created": .bool(!existed),
                "new_catalog": .bool(!existed || madeCatalog),
            ]
        }
        package var report: Report {
            guard existed else { return Report("Made the kit home \(home).") }
            guard madeCatalog else { return Report("The kit home \(home) is there already; it was left as it is.") }
            return Report("Made a new catalog for the kit home \(home); nothing is pinned in it.")
        }
    }
}
