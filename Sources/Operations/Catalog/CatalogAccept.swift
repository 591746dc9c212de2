internal import BlockStore
internal import Catalog
package import Schema

/// Takes the catalog that is there for the right one.
package struct CatalogAccept: ChangingOperation {
    package static let name = "catalog accept"
    package static let summary = "Take this catalog for the right one, although there was a newer one."
    package static let details = """
        The store, and snapshots on backends, know how far the catalog had come. Use it when an old copy was put back on \
        purpose, or when another home of this kit is at work and this one goes its own way. What only the newer catalog had \
        pinned is not pinned any more, and may be removed from now on. What a newer snapshot on a backend has is \
        taken over by `ipfs-kit recover --from NAME`; of each home the newest three are kept, so do it soon.
        """

    package static let fields: [Field<Self>] = [.dryRun]

    package var dryRun = false

    package init() {}

    package func run(in call: Call) async throws(KitError) -> Output {
        try await kitErrors {
            let catalog = try call.kit.uncheckedCatalog()
            let identity = try await catalog.identity()
            if !dryRun {
                try Pairing(home: call.kit.home, catalog: catalog, store: nil).accept()
                try await catalog.acceptOver(kit: identity.kit)
            }
            return Output(isDryRun: dryRun, pins: try await catalog.pinCount())
        }
    }

    /// What is right now.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let pins: Int

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("accepted", "Whether this catalog is the right one from now on.") { !$0.isDryRun },
            OutputField("pin_count", "How many pins are in it.") { $0.pins },
        ]
        package var report: Report {
            guard !isDryRun else {
                return Report("This catalog, with \(pins) pins, would be the right one from then on.")
            }
            return Report([
                .line("This catalog, with \(pins) pins, is the right one from now on."),
                .line("Pins that only a newer snapshot has come back, before the next sync best, with:"),
                .command(Hint(Recover.self)),
            ])
        }
    }
}
