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
        guard let type else { return Output(rows: backendTypes, isDetailed: false) }
        return Output(rows: [try typeRow(type)], isDetailed: true)
    }

    /// The types.
    package struct Output: OperationOutput {
        let rows: [ServiceRow]
        let isDetailed: Bool

        package static let outputFields: [OutputField<Self>] = [
            .list(
                "types",
                "The types of backend.",
                of: [
                    OutputField("type", "The word for it.") { $0.type },
                    OutputField("aliases", "Other words for it.") { $0.aliases },
                    OutputField("summary", "What it is.") { $0.summary },
                    OutputField("capabilities", "What instances can do at most.") { $0.capabilities.names },
                    OutputField("fields", "The settings that it takes.") { BackendFile.fields(of: $0) },
                ]
            ) { $0.rows }
        ]
        package var report: Report {
            guard isDetailed, let row = rows.first else {
                return Report([
                    .table(
                        [.init("TYPE"), .init("CAN"), .init("SUMMARY", mayShrink: true)],
                        rows: rows.map { [$0.type, $0.capabilities.names.joined(separator: " "), $0.summary] }
                    )
                ])
            }
            return Report([
                .line("\(row.type): \(row.summary)"),
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
