internal import Catalog
package import Replication
package import Schema

/// Writes index files anew.
package struct BackendIndexRebuild: Operation {
    package static let name = "backend index rebuild"
    package static let summary = "Write the index files of backends anew, so that they have every mapping of now."
    package static let details = """
        The other commands do it where it is due: of a backend with more than 20,000 mappings, its files may lack some \
        changes, as `ipfs-kit backend list` says.
        """
    package static let changes = true

    package var names: [String] = []

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("names", \.names, help: "The backends; all where none is named.", as: .backend, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        if !names.isEmpty { _ = try await kit.backends(names) }
        let catalog = try kit.catalog()
        try await kit.meetBackends()
        var rows: [Output.Row] = []
        for name in names.isEmpty ? try kit.backendNames() : names {
            do throws(ReplicationError) {
                rows.append(.init(backend: name, written: try await kit.indexFiles(name).rebuild(from: catalog)))
            } catch {
                rows.append(.init(backend: name, error: KitError(error)))
            }
        }
        return Output(rows: rows)
    }

    /// What was written.
    package struct Output: OperationOutput {
        struct Row: Answer {
            let backend: String
            var written: IndexFiles.Written?
            var error: KitError?

            static let outputFields: [OutputField<Self>] = [
                OutputField("name", "The backend.", as: .backend) { $0.backend },
                OutputField("mappings", "How many mappings were written.") { $0.written?.mappings },
                OutputField("parquet_bytes", "The length of the Parquet file.", in: .bytes) { $0.written?.parquetSize },
                OutputField("car_bytes", "The length of the CAR.", in: .bytes) { $0.written?.carSize },
                .error { $0.error },
            ]
        }

        let rows: [Row]

        package var exitCode: ExitCode {
            .ofParts(rows.compactMap(\.error?.code), isPartDone: rows.contains { $0.written != nil })
        }
        package static let outputFields: [OutputField<Self>] = [
            OutputField("backends", "What was written for each backend.") { $0.rows }
        ]
        package var report: Report {
            Report(
                rows.compactMap { row in
                    row.written.map {
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
