internal import Catalog
package import Replication
package import Schema

/// Writes index files anew.
package struct BackendIndexRebuild: ChangingOperation {
    package static let name = "backend index rebuild"
    package static let summary = "Write the index files of backends anew, so that they have every mapping of now."
    package static let details = """
        The other commands do it where it is due: of a backend with more than 20,000 mappings, its files may lack some \
        changes, as `ipfs-kit backend list` says.
        """

    package static let answersInCounts = true

    package var names: [String] = []
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("names", \.names, help: "The backends; all where none is named.", as: .backend, positional: true),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        if !names.isEmpty { _ = try await kit.backends(names) }
        let catalog = try kit.catalog()
        try await kit.meetBackends()
        guard !dryRun else {
            let counts = try await kitErrors { try await catalog.mappingCounts() }
            let rows = try (names.isEmpty ? kit.backendNames() : names).map { name in
                Output.Row(backend: name, count: counts[name]?.byStatus.values.reduce(0, +) ?? 0)
            }
            return Output(isDryRun: true, rows: rows)
        }
        var rows: [Output.Row] = []
        for name in names.isEmpty ? try kit.backendNames() : names {
            do throws(ReplicationError) {
                rows.append(.init(backend: name, written: try await kit.indexFiles(name).rebuild(from: catalog)))
            } catch {
                rows.append(.init(backend: name, error: KitError(error)))
            }
        }
        return Output(isDryRun: false, rows: rows)
    }

    /// What was written.
    package struct Output: OperationOutput {
        struct Row: Answer {
            let backend: String
            /// How many mappings would be written.
            var count: Int?
            var written: IndexFiles.Written?
            var error: KitError?

            static let outputFields: [OutputField<Self>] = [
                OutputField("name", "The backend.", as: .backend) { $0.backend },
                OutputField("mapping_count", "How many mappings were written, or would be.") {
                    $0.count ?? $0.written?.mappings
                },
                OutputField("parquet_bytes", "The length of the Parquet file.", in: .bytes) { $0.written?.parquetSize },
                OutputField("car_bytes", "The length of the CAR.", in: .bytes) { $0.written?.carSize },
                .error { $0.error },
            ]
        }

        let isDryRun: Bool
        let rows: [Row]

        package var exitCode: ExitCode {
            .ofParts(rows.compactMap(\.error?.code), isPartDone: rows.contains { $0.written != nil })
        }
        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("backends", "What was written for each backend, or would be.") { $0.rows },
        ]
        package var report: Report {
            Report(
                rows.compactMap { row in
                    if let count = row.count { return .line("\(row.backend): would write \(count) mappings.") }
                    return row.written.map {
                        .line(
                            "\(row.backend): \($0.mappings) mappings, \(ByteCount($0.parquetSize)) as Parquet and "
                                + "\(ByteCount($0.carSize)) as a CAR."
                        )
                    }
                },
                failures: rows.compactMap(\.error?.message)
            )
        }
    }
}

extension IndexFiles.State: Answer {
    package static let outputFields: [OutputField<Self>] = [
        OutputField("state", "How they are.", as: .choice(["none", "unknown", "current", "behind"])) { $0.word },
        OutputField("changes", "How many changes are not in them; null where that is not known.") { $0.changes },
        OutputField("since", "Since when they are behind.") { $0.since },
    ]

    private var word: String {
        switch self {
        case .none: "none"
        case .unknown: "unknown"
        case .current: "current"
        case .behind: "behind"
        }
    }

    private var since: Timestamp? { if case .behind(_, let since) = self { since } else { nil } }

    private var changes: Int? {
        switch self {
        case .none, .unknown: nil
        case .current: 0
        case .behind(let changes, _): Int(changes)
        }
    }

    /// The state in the column of a table.
    var words: String {
        switch self {
        case .none: "none"
        case .unknown: "unknown"
        case .current: "current"
        case .behind(let changes, let since):
            "\(changes) behind" + (since.map { " since \($0.day) \($0.clock)" } ?? "")
        }
    }
}
