internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Removes from the store what no pin leads to.
package struct Collect: ChangingOperation {
    package static let name = "gc"
    package static let summary = "Remove blocks that no pin leads to from the store."
    package static let details = """
        Blocks lie together in packs; a pack is written anew when more than --waste percent of it are such blocks. \
        Nothing can be added meanwhile. It may be stopped at any time. Of pins that are not whole in the store, the other \
        sources that content is read from are asked which blocks belong to them.
        Example: ipfs-kit gc --dry-run
        """

    package static let answersInCounts = true

    package var waste = 25
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "waste",
            \.waste,
            help: "The percentage of a pack that may be blocks without a pin; 0 removes all of them."
        ),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        guard (0...100).contains(waste) else { throw KitError(.usage, "--waste is a percentage, from 0 to 100.") }
        let store = try kit.store()
        let catalog = try kit.catalog()
        return try await kitErrors {
            call.progress.began("collect")
            defer { call.progress.ended() }
            // A list of pins that lost some would have their content removed.
            try await catalog.check()
            try Pairing(home: kit.home, catalog: catalog, store: store).proveNewest()
            guard store.identity != nil else {
                throw KitError(
                    .verification,
                    "The store \(store.folder) does not know which one it is any more, so nothing is removed from it.",
                    hint: Hint(StoreRebuildIndex.self)
                )
            }
            let report = try await collect(store, catalog, try await call.sources(), call)
            return Output(report: report, isDryRun: dryRun, waste: waste)
        }
    }

    /// What the other sources know of pins that are not whole in the store.
    private struct Elsewhere {
        /// The pins that they were asked about.
        var asked: Set<CID> = []
        /// What the store has of those.
        var kept: [CID] = []
    }

    /// A pin that nobody was asked about.
    private struct NewPin: Error {}

    /// Asks elsewhere first, and collects then: nobody waits for the store because a node is slow.
    ///
    /// What is fetched of such a pin in between, by somebody who is stopped before he has all of it, may go again.
    private func collect(
        _ store: BlockStore,
        _ catalog: Catalog,
        _ sources: ContentSources,
        _ call: Call
    ) async throws -> CollectionReport {
        var elsewhere = Elsewhere()
        for _ in 0..<Self.tries {
            if sources.others != nil {
                for pin in try await call.pinsNotWhole() where elsewhere.asked.insert(pin.root).inserted {
                    try await ask(sources.all, about: pin.root, store, &elsewhere.kept)
                }
            }
            do {
                return try await store.collect(
                    waste: Double(waste) / 100,
                    isDryRun: dryRun,
                    atLeast: try await catalog.storeGeneration(),
                    keeping: elsewhere.kept
                ) {
                    let pins = try await catalog.pins().map(\.cid)
                    // Where the store is all there is, what is not whole is a loss, and nothing is removed.
                    guard sources.others != nil else { return pins }
                    let notWhole = Set(try await call.pinsNotWhole().map(\.root))
                    guard notWhole.isSubset(of: elsewhere.asked) else { throw NewPin() }
                    return pins.filter { !notWhole.contains($0) }
                }
            } catch is NewPin {
                continue
            }
        }
        throw KitError(
            .temporary,
            "Pins that are not whole in the store were added all the time, so nothing was removed.",
            hint: Hint(Collect.self)
        )
    }

    /// So often is asked elsewhere about pins that were added meanwhile.
    private static let tries = 4

    /// Adds what the store has below a root.
    private func ask(
        _ source: any BlockSource,
        about root: CID,
        _ store: BlockStore,
        _ kept: inout [CID]
    ) async throws {
        var batch: [CID] = []
        func look() async throws(ReplicationError) {
            do throws(StoreError) {
                for (cid, place) in zip(batch, try await store.locate(batch)) where place != nil { kept.append(cid) }
            } catch {
                throw .store(error)
            }
            batch = []
        }
        try await source.walk(root, withLeaves: false) { (cid) async throws(ReplicationError) in
            batch.append(cid)
            if batch.count == 1024 { try await look() }
        }
        try await look()
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

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("live_blocks", "How many blocks pins lead to.") { $0.found.liveBlocks },
            OutputField("live_bytes", "How long these are.", in: .bytes) { $0.found.liveBytes },
            OutputField("dead_blocks", "How many blocks nothing leads to.") { $0.found.deadBlocks },
            OutputField("dead_bytes", "How long these are.", in: .bytes) { $0.found.deadBytes },
            OutputField("packs_rewritten", "How many packs were written anew.") { $0.found.packs },
            OutputField("freed_bytes", "How much the disk has back.", in: .bytes) { $0.found.freedBytes },
        ]
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
                ] + (kept > 0 ? [.line(rest), .command(Hint(Collect.self, ["waste": "0"]))] : [])
            )
        }
        package var quietLines: [String]? { [String(found.freedBytes)] }
    }
}
