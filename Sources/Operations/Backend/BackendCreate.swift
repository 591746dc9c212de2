internal import POSIX
package import Schema
internal import Storage

/// Makes the file of a new backend.
package struct BackendCreate: ChangingOperation {
    package static let name = "backend create"
    package static let summary = "Configure a new backend. Nothing is sent to it."
    package static let details = """
        Settings are given as flags; `ipfs-kit backend types TYPE` lists them. Put secrets in as references:
        Example: ipfs-kit backend create my-s3 s3 --bucket pins --secret-access-key '${AWS_SECRET_ACCESS_KEY}'
        """

    package var name = ""
    package var type = ""
    package var settings: [String] = []
    package var description = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "name",
            \.name,
            help: "Its name: small letters, digits, - and _.",
            as: .backend,
            required: true,
            positional: true
        ),
        Field("type", \.type, help: "Its type.", required: true, positional: true),
        Field("settings", \.settings, help: "A setting as name=value; the same as the flag --name value.", whole: true),
        Field("description", \.description, help: "What it is, for people."),
        .dryRun,
    ]

    package static var openFields: [FieldInfo] { allSettings }

    package func run(in call: Call) async throws(KitError) -> BackendOutput {
        let kit = call.kit
        _ = try kit.catalog()
        guard BackendFile.isName(name) else {
            throw KitError(
                .usage,
                "“\(name)” cannot be the name of a backend: small letters, digits, - and _, at most 64."
            )
        }
        guard !MainConfiguration.words.contains(name) else {
            throw KitError(
                .usage,
                "A backend cannot be called “\(name)”, which means another place where content is read from, in "
                    + "\(kit.home.mainConfiguration)."
            )
        }
        let path = kit.home.backendFile(name)
        // Where the files of all others are gone, that is told first.
        _ = try kit.backendNames()
        guard try !kit.home.holds(path) else {
            throw KitError(
                .usage,
                "There is a backend “\(name)” already.",
                hint: Hint(BackendUpdate.self, ["name": name, "settings": nil]),
                backend: name
            )
        }
        var file = BackendFile(name: name, type: type, row: try typeRow(type), path: path, at: kit.now)
        file.description = description.isEmpty ? "\(file.row.type) backend configuration" : description
        try file.apply(settings)
        try file.check()
        try file.checkDescription()
        if !dryRun {
            try file.save()
            try await kit.registerNew(name)
        }
        let warnings = await kit.whatKeepsFromOpening(file)
        return BackendOutput(
            isDryRun: dryRun,
            file: file,
            verb: dryRun ? "would create" : "created",
            warnings: warnings
        )
    }
}

/// The settings of all types, each name once.
let allSettings: [FieldInfo] = {
    var seen: Set<String> = []
    return backendTypes.flatMap { BackendFile.fields(of: $0) }.filter { seen.insert($0.name).inserted }
}()

extension BackendFile {
    /// Changes settings that are given as `name=value`.
    mutating func apply(_ items: [String]) throws(KitError) {
        var given: Set<String> = []
        for item in items {
            guard let equals = item.firstIndex(of: "=") else {
                // It may be a secret that stands in the wrong place, so it is not shown.
                throw KitError(.usage, "A setting is not of the form name=value.", backend: name)
            }
            let key = String(item[..<equals]).replacing("-", with: "_")
            guard let field = fields.first(where: { $0.name == key || $0.aliases.contains(key) }) else {
                // A secret may have an equals sign at its end; a slip of the pen is near a name.
                let near = nearest(to: key, among: fields.map(\.name)).map { ": did you mean “\($0)”?" }
                throw KitError(
                    .usage,
                    "The type \(row.type) has no setting of one of the names that were given\(near ?? ".")",
                    hint: Hint(BackendTypes.self, ["type": row.type]),
                    backend: name
                )
            }
            let value = String(item[item.index(after: equals)...])
            if given.insert(field.name).inserted || field.kind != .list {
                settings[field.name] = Setting(value)
            } else {
                settings[field.name]?.items.append(value)
                settings[field.name]?.isList = true
            }
        }
    }
}

/// One backend and what was done with it.
package struct BackendOutput: OperationOutput {
    let isDryRun: Bool
    let file: BackendFile
    let verb: String
    var warnings: [String] = []

    package static let outputFields: [OutputField<Self>] = [
        .dryRun { $0.isDryRun },
        OutputField("action", "What was done with it, or would be.") { $0.verb },
        OutputField("name", "The backend.", as: .backend) { $0.file.name },
        OutputField("settings", "Its settings, without secrets.") { $0.file },
        .warnings { $0.warnings },
    ]
    package var report: Report {
        Report([.line("\(verb) backend \(file.name) (\(file.type))")], warnings: warnings)
    }
    package var quietLines: [String]? { [file.name] }
}

extension BackendFile: Answer {
    package static var sharedName: String? { "settings" }
    package static let outputFields: [OutputField<Self>] =
        [
            OutputField("type", "The word for its type.") { $0.type },
            OutputField("enabled", "Whether it takes part.") { $0.isEnabled },
            OutputField("from_snapshot", "Whether the settings came from a snapshot, and nobody looked at them yet.") {
                $0.isFromSnapshot
            },
            OutputField("created_at", "When the file was made.") { $0.createdAt },
            OutputField("updated_at", "When the file was changed last.") { $0.updatedAt },
            OutputField("description", "What somebody wrote about it.") { $0.description },
        ]
        + FieldSection.allCases.map { section in
            .json(section.rawValue, "The settings of this part that are set, as text.", .map(.text)) { file in
                .object(
                    file.fields.filter { $0.section == section }.compactMap { field in
                        file.settings[field.name].map { JSON.Member(field.name, .string(file.shown(field, $0))) }
                    }
                )
            }
        }
}
