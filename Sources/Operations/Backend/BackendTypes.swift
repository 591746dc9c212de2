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

        package var json: JSON {
            [
                "types": .array(
                    rows.map { row in
                        [
                            "type": .string(row.type), "aliases": .array(row.aliases.map { .string($0) }),
                            "summary": .string(row.summary),
                            "capabilities": .array(row.capabilities.names.map { .string($0) }),
                            "fields": .array(BackendFile.fields(of: row).map(\.json)),
                        ]
                    }
                )
            ]
        }
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

extension FieldInfo {
    /// The field as machines read it.
    var json: JSON {
        [
            "name": .string(name), "section": .string(section.rawValue), "kind": .string(kind.placeholder),
            "required": .bool(isRequired), "secret": .bool(isSecret), "help": .string(help),
            "environment": .array(environment.map { .string($0) }), "aliases": .array(aliases.map { .string($0) }),
        ]
    }
}

/// The row of a type; the error names the nearest that exists.
func typeRow(_ type: String) throws(KitError) -> ServiceRow {
    guard let row = ServiceRow.named(type) else {
        let names = ServiceRow.all.flatMap { [$0.type] + $0.aliases }
        throw KitError(
            .noSuchBackend,
            "There is no such type: \(SchemaError.unknown(type, among: names).message)",
            hint: "ipfs-kit backend types"
        )
    }
    return row
}
