internal import Arguments
internal import Operations
internal import Policies
internal import Schema
internal import Storage
internal import StorageLaws

/// The lines of backends.md: what each type of backend can do, and its settings.
func backendsDocument() -> [String] {
    let columns = MatrixColumn.all
    var lines = [
        "# Backends", "", "This file is made by `ipfs-kit help --documents` from the table of all types.", "",
        "What instances of a type can do: *some* depends on the service, its program, or the settings. `backend types` says",
        "the same, and what `backend certify` measured here.",
        "",
        "| type | also called | service | " + columns.map(\.name).joined(separator: " | ") + " |",
        "|---|---|---|" + columns.map { _ in ":-:|" }.joined(),
    ]
    for row in backendTypes {
        let marks = columns.map { $0.cell(for: row) }.joined(separator: " | ")
        let aliases = row.aliases.map { "`\($0)`" }.joined(separator: ", ")
        lines.append("| [`\(row.type)`](#\(row.type)) | \(aliases) | \(escaped(row.summary)) | \(marks) |")
    }
    lines += ["", "| column | the type | shown by |", "|---|---|---|"]
    for column in columns {
        let proof =
            switch column.proof {
            case .law(let title), .contentLaw(let title): "the law “\(title)”, among others"
            case .operation(let name): "`ipfs-kit \(name)`"
            }
        lines.append("| \(column.name) | \(column.meaning) | \(proof) |")
    }
    lines += [
        "", "What tells them apart besides:", "", "| type | digest | url | find | relay | shared |",
        "|---|:-:|:-:|:-:|:-:|:-:|",
    ]
    for row in backendTypes {
        let powers: [Capabilities] = [.digests, .urls, .finds, .relays, .sharedRoots]
        let marks = powers.map { row.capabilities.contains($0) ? "yes" : "–" }.joined(separator: " | ")
        lines.append("| `\(row.type)` | \(marks) |")
    }
    lines += [
        "",
        "*digest*: computes a digest over what it took; *url*: gives URLs by which anybody can read; *find*: looks elsewhere for",
        "what it has not, so that it says of nothing that it is absent; *relay*: gives what other backends give URLs of, and",
        "keeps nothing; *shared*: has roots that others keep there, too.",
    ]
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
    return lines + lawsSection()
}

/// Which laws do not apply to which types, and what these lack.
private func lawsSection() -> [String] {
    let types = backendTypes
    let ofObjects = Law.all.map { law in (law.title, "objects", types.map { law.needs.subtracting($0.objects) }) }
    let ofContent = ContentLaw.all.map { law in
        (law.title, "content", types.map { law.needs.subtracting($0.capabilities) })
    }
    let rows = (ofObjects + ofContent).filter { _, _, missing in missing.contains { !$0.isEmpty } }
    let troubled = Law.all.count { $0.needsTrouble }
    return [
        "", "## Laws", "",
        "There are \(Law.all.count) laws of objects and \(ContentLaw.all.count) of content. Each type is tried by those that apply to it, over real",
        "servers, or over simulators; its page says what those rest on, and what a server breaks by itself.",
        "`ipfs-kit backend certify NAME` tries a backend by them, but for the \(troubled) for which something has to go wrong. A",
        "law that needs more than a type has does not apply to it:",
        "",
        "| law | of | " + types.map { "`\($0.type)`" }.joined(separator: " | ") + " |",
        "|---|---|" + types.map { _ in ":-:|" }.joined(),
    ]
        + rows.map { title, what, missing in
            let cells = missing.map { $0.isEmpty ? "applies" : "no \($0.names.joined(separator: ", "))" }
            return "| \(title) | \(what) | " + cells.joined(separator: " | ") + " |"
        }
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
