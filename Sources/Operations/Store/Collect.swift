internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Removes from the store what no pin leads to.
package struct Collect: Operation {
    package static let name = "gc"
    package static let summary = "Remove blocks that no pin leads to from the store."
    package static let details = """
        Blocks lie together in packs; a pack is written anew when more than --waste percent of it are such blocks. \
        Nothing can be added meanwhile. It may be stopped at any time. Of pins that are not whole in the store, the other \
        sources that content is read from are asked which blocks belong to them.
        Example: ipfs-kit gc --dry-run
        """
    package static let changes = true

    package var waste = 25
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "waste",
            \.waste,
            help: "The percentage of a pack that may be blocks without a pin; 0 removes all of them."
        ),
        Field("dry_run", \.dryRun, help: "Only say what would be removed."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        guard (0...100).contains(waste) else { throw KitError(.usage, "--waste is a percentage, from 0 to 100.") }
        let store = try kit.store()
        let catalog = try kit.catalog()
        return try await kitErrors {
            kit.session.progress.began("collect")
            defer { kit.session.progress.ended() }
            // A list of pins that lost some would have their content removed.
            try await catalog.check()
            try Pairing(home: kit.home, catalog: catalog, store: store).proveNewest()
            guard store.identity != nil else {
                throw KitError(
                    .verification,
                    "The store \(store.folder) does not know which one it is any more, so nothing is removed from it.",
                    hint: "ipfs-kit store rebuild-index"
                )
            }
            let sources = try await kit.sources()
            let elsewhere = Locked<[CID]>([])
            let report = try await store.collect(
                waste: Double(waste) / 100,
                isDryRun: dryRun,
                atLeast: try await catalog.storeGeneration()
            ) {
                var kept: [CID] = []
                for root in elsewhere.read({ $0 }) { kept += try await sources.all.cids(below: root) }
                return kept
            } roots: {
                let pins = try await catalog.pins().map(\.cid)
                // Where the store is all there is, what is not whole is a loss, and nothing is removed.
                guard sources.others != nil else { return pins }
                let notWhole = Set(try await kit.pinsNotWhole())
                elsewhere.change { $0 = notWhole.sorted() }
                return pins.filter { !notWhole.contains($0) }
            }
            return Output(report: report, isDryRun: dryRun, waste: waste)
        }
    }

    /// What was removed.
    package struct Output: OperationOutput {
        let found: CollectionReport
        let isDryRun: Bool
        let waste: Int

        init(report: CollectionReport, isDryRun: Bool, waste: Int) {
            found = report
            self.isDryRun = isDryRun
            self.waste = waste
        }

        package var json: JSON {
            [
                "dry_run": .bool(isDryRun), "live_blocks": .count(found.liveBlocks),
                "live_bytes": .count(found.liveBytes), "dead_blocks": .count(found.deadBlocks),
                "dead_bytes": .count(found.deadBytes), "packs_rewritten": .count(found.packs),
                "freed_bytes": .count(found.freedBytes),
            ]
        }
        package var report: Report {
            let verb = isDryRun ? "Would free" : "Freed"
            let kept = waste > 0 ? found.keptBytes : 0
            let rest = "\(ByteCount(kept)) without a pin stay in packs that have no more than \(waste) % of it."
            return Report(
                [
                    .facts([
                        .init("pinned", "\(found.liveBlocks) blocks (\(ByteCount(found.liveBytes)))"),
                        .init("without a pin", "\(found.deadBlocks) blocks (\(ByteCount(found.deadBytes)))"),
                    ]),
                    .line("\(verb) \(ByteCount(found.freedBytes)) in \(found.packs) packs."),
                ] + (kept > 0 ? [.line(rest), .command("ipfs-kit gc --waste 0")] : [])
            )
        }
        package var quietLines: [String]? { [String(found.freedBytes)] }
    }
}
