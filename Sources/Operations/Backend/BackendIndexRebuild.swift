internal import Catalog
internal import Replication
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
        Field("names", \.names, help: "The backends; all where none is named.", positional: true)
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
        struct Row: Sendable {
            let backend: String
            var written: IndexFiles.Written?
            var error: KitError?
        }

        let rows: [Row]

        package var exitCode: ExitCode {
            .ofParts(rows.compactMap(\.error?.code), isPartDone: rows.contains { $0.written != nil })
        }
        package var json: JSON {
            [
                "indexes": .array(
                    rows.map {
                        [
                            "backend": .string($0.backend), "mappings": .count($0.written?.mappings),
                            "parquet_bytes": .count($0.written?.parquetSize), "car_bytes": .count($0.written?.carSize),
                            "error": $0.error?.json["error"] ?? .null,
                        ]
                    }
                )
            ]
        }
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

extension IndexFiles.State {
    /// The state as machines read it.
    var json: JSON {
        switch self {
        case .none: ["state": "none", "changes": .null, "since": .null]
        case .unknown: ["state": "unknown", "changes": .null, "since": .null]
        case .current: ["state": "current", "changes": .count(0), "since": .null]
        case .behind(let changes, let since):
            ["state": "behind", "changes": .count(changes), "since": .text(since)]
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
