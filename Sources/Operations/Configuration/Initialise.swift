package import Schema

/// Makes a kit home.
package struct Initialise: Operation {
    package static let name = "init"
    package static let summary = "Make a kit home, or complete one; what is there stays."
    package static let changes = true
    package static let fields: [Field<Self>] = []

    package init() {}

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let existed = kit.home.exists
        try kit.initialise()
        return Output(home: kit.home.path, existed: existed, kit: try await kit.identifier())
    }

    /// The home that is there now.
    package struct Output: OperationOutput {
        let home: String
        let existed: Bool
        let kit: String

        package var json: JSON {
            ["home": .string(home), "kit": .string(kit), "created": .bool(!existed)]
        }
        package var report: Report {
            Report(
                existed ? "The kit home \(home) is there already; it was left as it is." : "Made the kit home \(home)."
            )
        }
    }
}
