internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Reads content back from backends and checks every block.
package struct Verify: Operation {
    package static let name = "verify"
    package static let summary = "Read content back from backends and check every block by its CID."
    package static let changes = true

    package var names: [String] = []
    package var sample: Int?
    package var cid: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("names", \.names, help: "The backends; every enabled one where none is named.", positional: true),
        Field("sample", \.sample, help: "Only so many roots of each backend, chosen by chance."),
        Field("cid", \.cid, help: "Only this root."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        guard sample ?? 1 > 0 else { throw KitError(.usage, "--sample is at least 1.") }
        let only: CID?
        if let cid { only = try parseCID(cid) } else { only = nil }
        let files = try await kit.backends(names).filter { $0.isEnabled || !names.isEmpty }
        let catalog = try kit.catalog()
        return try await kitErrors {
            var work: [(file: BackendFile, mappings: [Mapping])] = []
            for file in files {
                var mappings = try await catalog.mappings(on: file.name).filter { $0.status != .failed }
                if let only { mappings = mappings.filter { $0.cid == only } }
                if let sample { mappings = Array(mappings.shuffled().prefix(sample)) }
                work.append((file, mappings))
            }
            if let only, work.allSatisfy({ $0.mappings.isEmpty }) {
                throw KitError(.notFound, "No backend is known to have \(only).", hint: "ipfs-kit sync", cid: only)
            }
            let all = work.flatMap(\.mappings)
            kit.session.progress.began(
                "verify",
                items: all.count,
                bytes: all.reduce(0) { $0 + ($1.size ?? 0) }
            )
            defer { kit.session.progress.ended() }
            let verifier = Verifier(catalog: catalog, observer: kit.observer, progress: kit.session.progress)
            let rows = await withTaskGroup(of: Row.self) { group in
                for (file, mappings) in work {
                    group.addTask {
                        do {
                            return Row(
                                backend: file.name,
                                results: try await verifier.verify(
                                    mappings,
                                    on: try await kit.open(file, gate: OpenGate())
                                ),
                                error: nil
                            )
                        } catch {
                            return Row(backend: file.name, results: [], error: KitError(any: error))
                        }
                    }
                }
                return await group.reduce(into: [Row]()) { $0.append($1) }.sorted { $0.backend < $1.backend }
            }
            guard rows.count == work.count else {
                throw KitError(.other, "The verification lost track of \(work.count - rows.count) backends.")
            }
            let warnings = try await kit.writeIndexes(files.map(\.name))
            return Output(rows: rows, warnings: warnings)
        }
    }

    struct Row: Sendable {
        let backend: String
        let results: [Verifier.Result]
        let error: KitError?

        func count(_ verdict: Verifier.Verdict) -> Int { results.count { $0.verdict == verdict } }
        var damaged: Int { count(.missing) + count(.corrupt) }
        var bytes: UInt64 { results.reduce(0) { $0 + ($1.back?.length ?? 0) } }
        /// Why something is not known, where that is so.
        var unanswered: KitError? { results.first { $0.verdict == .unknown }?.error.map { KitError($0) } }
    }

    /// What was seen on each backend.
    package struct Output: OperationOutput {
        let rows: [Row]
        let warnings: [String]

        package var exitCode: ExitCode {
            if rows.contains(where: { $0.error?.code == .interrupted }) { return .interrupted }
            if rows.contains(where: { $0.damaged > 0 }) { return .verification }
            if let error = rows.compactMap(\.error).first { return rows.count == 1 ? error.code : .partlyFailed }
            return rows.lazy.compactMap(\.unanswered).first?.code ?? .ok
        }

        package var json: JSON {
            [
                "backends": .array(
                    rows.map { row in
                        [
                            "backend": .string(row.backend), "whole": .count(row.count(.whole)),
                            "missing": .count(row.count(.missing)),
                            "corrupt": .count(row.count(.corrupt)), "unknown": .count(row.count(.unknown)),
                            "bytes_read": .count(row.bytes), "problem": .text(row.error),
                            "damaged": .array(row.results.compactMap(Self.damage)),
                        ]
                    }
                ),
                "warnings": .array(warnings.map { .string($0) }),
            ]
        }

        private static func damage(_ result: Verifier.Result) -> JSON? {
            guard let error = result.error else { return nil }
            return [
                "cid": .text(result.mapping.cid), "car_file_path": .string(result.mapping.path),
                "verdict": .string(result.verdict.rawValue), "message": .string(error.message),
            ]
        }

        package var report: Report {
            var parts: [Report.Part] = [
                .table(
                    [
                        .init("BACKEND"), .init("WHOLE", number: true), .init("MISSING", number: true),
                        .init("CORRUPT", number: true), .init("UNKNOWN", number: true), .init("READ", number: true),
                    ],
                    rows: rows.map {
                        [
                            $0.backend, String($0.count(.whole)), String($0.count(.missing)),
                            String($0.count(.corrupt)), String($0.count(.unknown)),
                            ByteCount($0.bytes).description,
                        ]
                    }
                )
            ]
            for row in rows {
                if let error = row.error { parts.append(.line("\(row.backend): \(error.message)")) }
                for result in row.results {
                    guard let error = result.error else { continue }
                    parts.append(
                        .line("\(row.backend): \(result.mapping.cid): \(result.verdict): \(error.message)")
                    )
                }
                if row.damaged > 0 {
                    parts.append(.line("Run: ipfs-kit sync \(row.backend)"))
                } else if let hint = (row.error ?? row.unanswered)?.hint {
                    parts.append(.line("Run: \(hint)"))
                }
            }
            return Report(parts, warnings: warnings)
        }
    }
}
