internal import BlockStore
internal import Multiformats
package import Schema
internal import Storage

/// Checks every block of the store.
package struct StoreVerify: Operation {
    package static let name = "store verify"
    package static let summary = "Check every block of the store against its CID and against the index."
    package static let details = "A block that is damaged leaves the index, so that it can be stored again."
    package static let changes = true

    package init() {}

    package static let fields: [Field<Self>] = []

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let store = try kit.store()
        return try await kitErrors {
            let progress = call.progress
            progress.began("verify", bytes: try await store.packFiles().bytes)
            defer { progress.ended() }
            let found = try await store.verify { progress.bytes($0) }
            return Output(found: found, hint: found.problems.isEmpty ? nil : await Self.hint(call, found))
        }
    }

    /// The command that helps; nil where none is known.
    private static func hint(_ call: Call, _ found: StoreReport) async -> String? {
        if found.problems.contains(where: { $0.place.hasPrefix("index/") }) { return "ipfs-kit store rebuild-index" }
        do throws(KitError) {
            if !(try call.lost(of: try await call.pinsNotWhole())).isEmpty { return "ipfs-kit restore" }
            // What no pin leads to is given up.
            return found.lost > 0 ? "ipfs-kit gc" : nil
        } catch {
            return error.hint
        }
    }

    /// What was found.
    package struct Output: OperationOutput {
        let found: StoreReport
        let hint: String?

        package var exitCode: ExitCode { found.problems.isEmpty ? .ok : .verification }

        package var json: JSON {
            [
                "packs": .count(found.packs), "blocks": .count(found.blocks), "bytes": .count(found.bytes),
                "referenced_blocks": .count(found.references), "unused_sections": .count(found.unused),
                "problems": .array(
                    found.problems.map {
                        ["cid": .text($0.cid), "place": .string($0.place), "message": .string($0.message)]
                    }
                ),
                "hint": .text(hint),
            ]
        }
        package var report: Report {
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
