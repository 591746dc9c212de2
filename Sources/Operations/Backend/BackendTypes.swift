package import Schema
internal import Services
package import Storage

/// Every type of backend.
package var backendTypes: [ServiceRow] { ServiceRow.all }

/// Lists the types of backends.
package struct BackendTypes: Operation {
    package static let name = "backend types"
    package static let summary = "List the types of backends and what each can do, or the settings of one."

    package var type: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("type", \.type, help: "Show the settings of this type.", positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        guard let type else {
            return Output(
                rows: backendTypes,
                isDetailed: false,
                measured: await call.kit.measuredBackends(),
                now: call.kit.now
            )
        }
        return Output(rows: [try typeRow(type)], isDetailed: true, now: call.kit.now)
    }

    /// The types.
    package struct Output: OperationOutput {
        let rows: [ServiceRow]
        let isDetailed: Bool
        /// The backends here that were measured.
        var measured: [MeasuredBackend] = []
        let now: Timestamp

        package static let outputFields: [OutputField<Self>] = [
            .list(
                "types",
                "The types of backend.",
                of: [
                    OutputField("type", "The word for it.") { $0.type },
                    OutputField("aliases", "Other words for it.") { $0.aliases },
                    OutputField("summary", "What it is.") { $0.summary },
                    OutputField("can", "What instances do at most, by the words of the table.") {
                        MatrixColumn.names(for: $0)
                    },
                    OutputField("certain", "Those of them that every instance does, whatever its service and settings.")
                    {
                        MatrixColumn.certainNames(for: $0)
                    },
                    OutputField("capabilities", "The same in the words of the program, and what else they can.") {
                        $0.capabilities.union($0.objects.intersection([.metadata, .versions])).names
                    },
                    OutputField("fields", "The settings that it takes.") { BackendFile.fields(of: $0) },
                ]
            ) { $0.rows },
            OutputField("backends", "The backends here that `backend certify` has measured.") { $0.measured },
        ]
        package var report: Report {
            guard isDetailed, let row = rows.first else {
                return Report(matrix + measures)
            }
            return Report([
                .line("\(row.type): \(row.summary)"),
                .line(Self.whatItDoes(row)),
                .table(
                    [
                        .init("SETTING"), .init("SECTION"), .init("KIND"), .init("NEEDED"),
                        .init("MEANING", mayShrink: true),
                    ],
                    rows: BackendFile.fields(of: row).map {
                        [
                            $0.name, $0.section.rawValue, $0.isSecret ? "secret" : $0.kind.placeholder,
                            $0.isRequired ? "yes" : "", $0.help,
                        ]
                    }
                ),
            ])
        }
    }
}

extension BackendTypes.Output {
    private static func whatItDoes(_ row: ServiceRow) -> String {
        let certain = MatrixColumn.certainNames(for: row)
        let rest = MatrixColumn.names(for: row).filter { !certain.contains($0) }
        let others = rest.isEmpty ? "" : " Some do besides: \(rest.joined(separator: ", "))."
        return "It does: \(certain.joined(separator: ", "))." + others
    }

    private var matrix: [Report.Part] {
        let columns = MatrixColumn.all
        return [
            .table(
                [.init("TYPE")] + columns.map { .init($0.name.uppercased()) } + [.init("SUMMARY", mayShrink: true)],
                rows: rows.map { row in
                    [row.type] + columns.map { $0.cell(for: row) } + [row.summary]
                }
            )
        ]
    }

    /// What was measured of the backends here, beside what is declared.
    private var measures: [Report.Part] {
        guard !measured.isEmpty else { return [] }
        return [
            .line(""), .line("Measured by `backend certify`:"),
            .table(
                [
                    .init("NAME"), .init("TYPE"), .init("THERE AND BACK", number: true), .init("UP", number: true),
                    .init("DOWN", number: true), .init("LIMIT", number: true), .init("CALLS AT ONCE", number: true),
                    .init("LAWS"), .init("WHEN"),
                ],
                rows: measured.map { one in
                    let limit = one.operational.bandwidthLimit
                    let laws = "\(one.measured.passed) kept, \(one.measured.failed) broken"
                    return [
                        one.file.name, one.file.row.type, one.measured.timeWords,
                        Measurement.words(one.measured.up), Measurement.words(one.measured.down),
                        limit.bytes == 0 ? "none" : "\(limit)/s", "\(one.operational.maxConnections)", laws,
                        one.askedAt.ago(at: now),
                    ]
                }
            ),
        ]
    }
}

extension FieldInfo: Answer {
    package static let outputFields: [OutputField<Self>] = [
        OutputField("name", "The name of the setting.") { $0.name },
        OutputField(
            "section",
            "The part of the file in which it stands.",
            as: .choice(FieldSection.allCases.map(\.rawValue))
        ) {
            $0.section.rawValue
        },
        OutputField("kind", "What it takes.") { $0.kind.placeholder },
        OutputField("required", "Whether it must be set.") { $0.isRequired },
        OutputField("secret", "Whether it is never shown.") { $0.isSecret },
        OutputField("help", "What it means.") { $0.help },
        OutputField("environment", "Variables that give the value when nothing else does.") { $0.environment },
        OutputField("aliases", "Older names of it.") { $0.aliases },
    ]
}

/// The row of a type; the error names the nearest that exists.
func typeRow(_ type: String) throws(KitError) -> ServiceRow {
    guard let row = ServiceRow.named(type) else {
        let names = ServiceRow.all.flatMap { [$0.type] + $0.aliases }
        throw KitError(
            .noSuchBackend,
            "There is no such type: \(SchemaError.unknown(type, among: names).message)",
            hint: Hint(BackendTypes.self)
        )
    }
    return row
}
