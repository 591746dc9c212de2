internal import Arguments
internal import Operations
internal import Policies
internal import Schema
internal import Storage

/// The lines of backends.md: what each type of backend can do, and its settings.
func backendsDocument() -> [String] {
    let powers = Capabilities(rawValue: ~0).names
    var lines = [
        "# Backends", "", "This file is made by `ipfs-kit help --documents` from the table of all types.", "",
        "| type | also called | service | " + powers.joined(separator: " | ") + " |",
        "|---|---|---|" + powers.map { _ in ":-:|" }.joined(),
    ]
    for row in backendTypes {
        let names = row.capabilities.names
        let marks = powers.map { names.contains($0) ? "yes" : "–" }.joined(separator: " | ")
        let aliases = row.aliases.map { "`\($0)`" }.joined(separator: ", ")
        lines.append("| [`\(row.type)`](#\(row.type)) | \(aliases) | \(escaped(row.summary)) | \(marks) |")
    }
    lines += [
        "",
        "Settings are given as flags of `ipfs-kit backend create` and `backend update`, or written in the file of the",
        "backend, in the section that is named here.", "", "## Settings of all types", "",
    ]
    lines += settingsTable(OperationalSettings.fieldInfo, OperationalSettings().value)
    lines += ["", "## Policies of all types", ""]
    lines += settingsTable(BackendPolicies.fieldInfo, BackendPolicies().value)
    for row in backendTypes {
        lines += ["", "## \(row.type)", "", row.summary]
        if !row.fields.isEmpty { lines += [""] + settingsTable(row.fields) }
    }
    return lines
}

/// The rows of a table of settings; `standard` says what holds where nothing is set.
private func settingsTable(_ fields: [FieldInfo], _ standard: (String) -> FieldValue? = { _ in nil }) -> [String] {
    ["| setting | section | value | meaning |", "|---|---|---|---|"]
        + fields.map { field in
            let names = ([field.name] + field.aliases).map { "`\($0)`" }.joined(separator: ", ")
            let value = escaped(field.kind.placeholder)
            return "| \(names) | \(field.section) | \(value) | \(escaped(field.explanation(standard(field.name)))) |"
        }
}
