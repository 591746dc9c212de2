internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Brings missing or damaged content of the store back from backends.
package struct Restore: ChangingOperation {
    package static let name = "restore"
    package static let summary = "Bring missing or damaged blocks of the store back from any backend that has them."
    package static let details = """
        Without CIDs, every pin is looked at; with --full, or for CIDs that are named, every block is read and checked.
        """

    package var cids: [String] = []
    package var source: String?
    package var full = false
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "cids",
            \.cids,
            help: "Roots, or blocks below them; every pin where none is named.",
            as: .cid,
            positional: true
        ),
        Field("from", \.source, help: "Only from this backend.", as: .backend),
        Field("full", \.full, help: "Read and check every block in the store, not only look it up."),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> RestoreOutput {
        let kit = call.kit
        var roots: [CID] = []
        for text in cids { roots.append(try parseCID(text)) }
        let catalog = try kit.catalog()
        return try await kitErrors {
            let pins = try await catalog.pins().map(\.cid)
            var job = RestoreJob(
                call: call,
                catalog: catalog,
                store: try kit.store(),
                sources: try await Sources(call, only: source),
                thorough: full
            )
            if cids.isEmpty { return try await dryRun ? job.look(pins) : job.run(pins) }
            // Backends have roots: a block that is none comes back with the pins that lead to it.
            var restored: [RestoreOutput.Restored] = []
            let mapped = Set(try await catalog.mappings(of: roots).map(\.cid)).union(pins)
            if !dryRun, !mapped.isSuperset(of: roots) { restored = try await job.run(pins).restored }
            job.thorough = true
            var output = try await dryRun ? job.look(roots) : job.run(roots)
            output.restored = restored + output.restored
            return output
        }
    }
}

/// What was restored.
package struct RestoreOutput: OperationOutput {
    typealias Restored = (root: CID, from: String, bytes: UInt64)

    var whole = 0
    var restored: [Restored] = []
    var failed: [(root: CID, reasons: [(backend: String, error: KitError)])] = []
    /// What a dry run would look for, and where.
    var planned: [(root: CID, places: [(backend: String, path: String?)])] = []
    let broken: [String]
    /// Whether every backend was asked.
    let isOfAll: Bool
    let isDryRun: Bool
    var warnings: [String] = []

    init(broken: [String], isOfAll: Bool, isDryRun: Bool = false) {
        self.broken = broken
        self.isOfAll = isOfAll
        self.isDryRun = isDryRun
    }

    package var exitCode: ExitCode {
        let codes = failed.map { failure -> ExitCode in
            // A backend that could not be asked may have what another one lacks.
            var codes = Set(failure.reasons.map(\.error.code))
            if !broken.isEmpty { codes.insert(.temporary) }
            if codes.isEmpty { return .notFound }
            if codes.count == 1, let code = codes.first { return code }
            return codes.contains(.temporary) ? .temporary : .verification
        }
        return .ofParts(codes, isPartDone: whole + restored.count > 0)
    }

    package var whatFailed: String? {
        failed.first.map { failure in
            let why = failure.reasons.first.map { $0.error.told(of: $0.backend) } ?? broken.first
            return "\(failure.root) is not whole." + (why.map { " \($0)" } ?? "")
        }
    }

    package static var sharedName: String? { "restoration" }
    package static let outputFields: [OutputField<Self>] = [
        .dryRun { $0.isDryRun },
        OutputField("whole", "How many were whole already.") { $0.whole },
        .list(
            "planned",
            "What a dry run would look for, and where.",
            of: [
                OutputField("cid", "The root.") { $0.root },
                .list(
                    "places",
                    "Where it would be looked for, in order.",
                    of: [
                        OutputField("from", "Who would be asked: a backend, or the sources of the configuration.") {
                            $0.backend
                        },
                        OutputField("car_file_path", "The name of its CAR there; null where the CID leads to it.") {
                            $0.path
                        },
                    ]
                ) { $0.places },
            ]
        ) { $0.planned },
        .list(
            "restored",
            "What was brought back.",
            of: [
                OutputField("cid", "The root.") { $0.root },
                OutputField("from", "Where it came from.") { $0.from },
                OutputField("bytes_read", "How much was read and checked.", in: .bytes) { $0.bytes },
            ]
        ) { $0.restored },
        .list(
            "failures",
            "What is not whole.",
            of: [
                OutputField("cid", "The root.") { $0.root },
                .list(
                    "reasons",
                    "What each place said.",
                    of: [
                        OutputField("from", "Who was asked: a backend, or the sources of the configuration.") {
                            $0.backend
                        }, .error { $0.error },
                    ]
                ) { $0.reasons },
            ]
        ) { $0.failed },
        .warnings { $0.broken + $0.warnings },
    ]

    package var report: Report {
        if isDryRun { return plan }
        var parts: [Report.Part] = [
            .facts([
                .init("whole already", String(whole)),
                .init(
                    "restored",
                    "\(restored.count) roots, \(ByteCount(restored.reduce(0) { $0 + $1.bytes })) read and checked"
                ),
                .init("not restored", String(failed.count)),
            ])
        ]
        for failure in failed {
            parts.append(.line("\(failure.root) is not whole:"))
            if failure.reasons.isEmpty {
                parts.append(
                    .line(broken.isEmpty ? "  there is no backend that may have it" : "  no backend could be asked")
                )
            }
            for reason in failure.reasons { parts.append(.line("  " + reason.error.told(of: reason.backend))) }
        }
        if let root = failed.first?.root {
            let codes = Set(failed.flatMap(\.reasons).map(\.error.code))
            if isOfAll, broken.isEmpty, codes.isSubset(of: [.verification, .notFound]) {
                parts.append(
                    .line(
                        "No good copy is known here. One in a CAR elsewhere comes back with `ipfs-kit dag import FILE`, one on another "
                            + "backend with `ipfs-kit backend create` and another restore; `ipfs-kit pin rm \(root)` gives it up."
                    )
                )
            } else if let hint = failed.lazy.flatMap(\.reasons).compactMap(\.error.hint).first {
                parts.append(.command(hint))
            }
        }
        return Report(parts, warnings: broken + warnings)
    }

    private var plan: Report {
        var parts: [Report.Part] = [.facts([.init("whole", String(whole)), .init("not whole", String(planned.count))])]
        for (root, places) in planned {
            let names = places.map { place in place.backend + (place.path.map { " (\($0))" } ?? "") }.joined(
                separator: ", "
            )
            parts.append(.line("\(root) would be looked for on \(names.isEmpty ? "no backend" : names)"))
        }
        return Report(parts, warnings: broken + warnings)
    }
}
