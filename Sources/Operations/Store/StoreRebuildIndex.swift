internal import BlockStore
internal import Catalog
package import Schema
internal import Storage

/// Makes the index of the store again.
package struct StoreRebuildIndex: ChangingOperation {
    package static let name = "store rebuild-index"
    package static let summary = "Make the index of the store again from its packs alone, each block checked."

    package static let answersInCounts = true

    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [.dryRun]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let store = try kit.store()
        // It depends on nothing that it repairs; what the catalog knows of the store, where there is one, is heeded.
        let expected = try? kit.catalog().ownState()
        return try await kitErrors {
            guard !dryRun else {
                return Output(isDryRun: true, stat: try await StoreStat.Output(packsOf: store))
            }
            let progress = call.progress
            progress.began("rebuild", bytes: try await store.packFiles().bytes)
            defer { progress.ended() }
            let unread = try await store.rebuild(identity: expected?.store, atLeast: expected?.storeGeneration ?? 0) {
                progress.bytes($0)
            }
            // What no index knew of is missed by the pins that lead to it.
            let notWhole = expected == nil ? nil : try await call.pinsNotWhole()
            return Output(
                isDryRun: false,
                stat: try await StoreStat.Output(store),
                lost: try await store.lost(),
                unread: unread,
                notWhole: notWhole?.count,
                lostPins: try notWhole.map { (pins) throws(KitError) in try call.lost(of: pins).count }
            )
        }
    }

    /// What the store holds, and what was in it and is not there.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let stat: StoreStat.Output
        /// Blocks that the old index led to, and that no pack has as they were.
        var lost: UInt64 = 0
        /// Blocks in files of their own that could not be read, and so were not checked.
        var unread: UInt64 = 0
        /// Pins that are not whole; nil where the catalog cannot be asked.
        var notWhole: Int?
        /// Those of them of which something was lost; others are read from elsewhere.
        var lostPins: Int?

        private var isLoss: Bool { lost > 0 || unread > 0 || lostPins ?? 0 > 0 }
        package var exitCode: ExitCode { isLoss ? .verification : .ok }
        package static let outputFields: [OutputField<Self>] =
            StoreStat.Output.outputFields.map { field in field.of { (output: Self) in output.stat } } + [
                .dryRun { $0.isDryRun },
                OutputField("lost_blocks", "How many blocks the old index led to that no pack has as they were.") {
                    $0.lost
                },
                OutputField("unread_blocks", "How many blocks are in files that could not be read.") { $0.unread },
                OutputField("pins_not_whole", "How many pins are not whole; null where that cannot be told.") {
                    $0.notWhole
                },
                OutputField("pins_lost", "How many of them lost something; null where that cannot be told.") {
                    $0.lostPins
                },
            ]
        package var report: Report {
            guard !isDryRun else {
                return Report(
                    "Would read \(stat.packs) packs (\(ByteCount(stat.packBytes))), and index their blocks anew."
                )
            }
            var parts = stat.report.parts
            if lost > 0 {
                parts.append(.line("\(lost) blocks that the index led to are damaged, or are not in the packs."))
            }
            if unread > 0 {
                parts.append(.line("\(unread) blocks are in files that cannot be read, and were not checked."))
            }
            if let notWhole, notWhole > 0 {
                let rest = lostPins == 0 ? " They are read from elsewhere." : ""
                parts.append(.line("\(notWhole) pins are not whole in the store.\(rest)"))
            }
            if isLoss { parts.append(.command(Hint(Restore.self))) }
            return Report(parts)
        }
        package var quietLines: [String]? { stat.quietLines }
    }
}
