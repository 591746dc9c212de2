internal import BlockStore
internal import Multiformats
package import Schema
internal import Storage

/// Checks every block of the store.
package struct StoreVerify: ChangingOperation {
    package static let name = "store verify"
    package static let summary = "Check every block of the store against its CID and against the index."
    package static let details = "A block that is damaged leaves the index, so that it can be stored again."

    package static let answersInCounts = true

    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [.dryRun]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let store = try kit.store()
        return try await kitErrors {
            guard !dryRun else {
                let (packs, bytes) = try await store.packFiles()
                var found = StoreReport()
                (found.packs, found.bytes) = (UInt64(packs), bytes)
                return Output(isDryRun: true, found: found, hint: nil)
            }
            let progress = call.progress
            progress.began("verify", bytes: try await store.packFiles().bytes)
            defer { progress.ended() }
            let found = try await store.verify { progress.bytes($0) }
            call.events?.tell(
                found.problems.map { problem in
                    var event = Event(.found)
                    (event.cid, event.message) = (problem.cid?.description, "\(problem.place): \(problem.message)")
                    return event
                }
            )
            return Output(
                isDryRun: false,
                found: found,
                hint: found.problems.isEmpty ? nil : await Self.hint(call, found)
            )
        }
    }

    /// The command that helps; nil where none is known.
    private static func hint(_ call: Call, _ found: StoreReport) async -> Hint? {
        if found.problems.contains(where: { $0.place.hasPrefix("index/") }) { return Hint(StoreRebuildIndex.self) }
        do throws(KitError) {
            if !(try call.lost(of: try await call.pinsNotWhole())).isEmpty { return Hint(Restore.self) }
            // What no pin leads to is given up.
            return found.lost > 0 ? Hint(Collect.self, givesUp: true) : nil
        } catch {
            return error.hint
        }
    }

    /// What was found.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let found: StoreReport
        let hint: Hint?

        package var exitCode: ExitCode { found.problems.isEmpty ? .ok : .verification }

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("packs", "How many packs were read, or would be.") { $0.found.packs },
            OutputField("blocks", "How many blocks were compared with their CIDs.") { $0.found.blocks },
            OutputField("bytes_read", "How much was read, or would be.", in: .bytes) { $0.found.bytes },
            OutputField("referenced_blocks", "How many blocks are in files of their own.") { $0.found.references },
            OutputField("unused_sections", "How much in the packs nothing leads to.") { $0.found.unused },
            .list(
                "problems",
                "What is wrong.",
                of: [
                    OutputField("cid", "The block that it is about.") { $0.cid },
                    OutputField("place", "Where in the store it is.") { $0.place },
                    OutputField("message", "The same as a sentence.") { $0.message },
                ]
            ) { $0.found.problems },
            OutputField("hint", "What helps; null where nothing is wrong.") { $0.hint },
        ]
        package var report: Report {
            guard !isDryRun else {
                return Report(
                    "Would read \(found.packs) packs (\(ByteCount(found.bytes))) and check every block in them."
                )
            }
            let lines = found.problems.map { problem -> Report.Part in
                .line("\(problem.place): \(problem.message)")
            }
            let result = found.problems.isEmpty ? "every block has its hash" : "damaged: see above"
            let summary = "\(found.blocks) blocks (\(ByteCount(found.bytes))) in \(found.packs) packs: \(result)."
            return Report(lines + [.line(summary)] + (hint.map { [.command($0)] } ?? []))
        }
        package var quietLines: [String]? { found.problems.compactMap { $0.cid?.description } }
    }
}
