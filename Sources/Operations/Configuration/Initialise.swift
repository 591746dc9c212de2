internal import Catalog
package import Schema

/// Makes a kit home.
package struct Initialise: ChangingOperation {
    package static let name = "init"
    package static let summary = "Make a kit home, or complete one; what is there stays."

    package var newCatalog = false
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "new_catalog",
            \.newCatalog,
            help:
                "Make a new catalog beside a store whose own is lost or another's. What was pinned is not known in it, and "
                + "nothing is removed from the store before `ipfs-kit catalog accept`."
        ),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let existed = try kit.home.exists()
        let (replaced, made) = try await kit.initialise(newCatalog: newCatalog, isDryRun: dryRun)
        return Output(
            isDryRun: dryRun,
            home: kit.home.path,
            existed: existed,
            kit: dryRun && !existed ? nil : try await kit.identity().kit,
            isNewCatalog: newCatalog,
            replaced: replaced,
            made: existed ? made : []
        )
    }

    /// The home that is there now.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let home: String
        let existed: Bool
        let kit: String?
        /// Whether a new catalog was asked for, and made.
        let isNewCatalog: Bool
        /// Where the old catalog is, if there is a new one in its place.
        let replaced: String?
        /// The folders that were missing in a home that was there.
        let made: [String]

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("home", "The kit home.", as: .path) { $0.home },
            OutputField("kit", "The kit that it is of; null where nothing was made.") { $0.kit },
            OutputField("created", "Whether it was not there before.") { !$0.existed },
            OutputField("new_catalog", "Whether the catalog is new.") { !$0.existed || $0.isNewCatalog },
            OutputField("replaced_catalog", "Where the old catalog is, if it was replaced.", as: .path) { $0.replaced },
            OutputField("made_folders", "The folders that were missing.", as: .path) { $0.made },
        ]
        package var report: Report {
            let verb = isDryRun ? "Would make" : "Made"
            if isNewCatalog, existed {
                let old = replaced.map { "; the old one is \($0)" } ?? ""
                return Report(
                    "\(verb) a new catalog, in which nothing is pinned\(old). Take over what a backend knows with `ipfs-kit recover "
                        + "--from NAME`."
                )
            }
            if !made.isEmpty {
                let what = isDryRun ? "what is missing would be made" : "what was missing was made, and is empty"
                return Report("The kit home \(home) is there already; \(what): \(made.joined(separator: ", ")).")
            }
            return Report(
                existed ? "The kit home \(home) is there already; it stays as it is." : "\(verb) the kit home \(home)."
            )
        }
    }
}
