internal import Arguments
internal import Operations

/// The lines of a report, its tables at most `width` cells wide; `command` says how a command is to be typed here.
func reportLines(_ report: Report, width: Int?, command: (Hint) -> String) -> [String] {
    var lines: [String] = []
    for (index, part) in report.parts.enumerated() {
        switch part {
        case .line(let line):
            lines.append(DisplayText(line).text)
        case .command(let hint):
            lines.append(DisplayText("Run: " + command(hint)).text)
        case .facts(let facts):
            lines += factLines(facts.map { ($0.name, $0.value) })
        case .table(let columns, let rows):
            // A table stands apart from what is above it.
            if index > 0 { lines.append("") }
            let columns = columns.map {
                TextTable.Column($0.title, isNumber: $0.isNumber, mayShrink: $0.mayShrink)
            }
            lines += TextTable(columns, rows: rows).lines(width: width)
        }
    }
    return lines
}

/// What --quiet leaves of a result: the first column of a single table; of anything else all that is not mere talk.
func quietLines(of output: any OperationOutput, changes: Bool, command: (Hint) -> String) -> [String] {
    if let lines = output.quietLines { return lines }
    let report = output.report
    let tables = report.parts.compactMap { part -> [[String]]? in
        if case .table(_, let rows) = part { rows } else { nil }
    }
    if tables.count == 1, let rows = tables.first { return rows.compactMap(\.first) }
    return changes ? [] : reportLines(report, width: nil, command: command)
}

/// What a report says beside its only table, of which --quiet leaves the names.
func problemLines(of report: Report, command: (Hint) -> String) -> [String] {
    func isTable(_ part: Report.Part) -> Bool { if case .table = part { true } else { false } }
    guard report.parts.count(where: isTable) == 1 else { return [] }
    return reportLines(Report(report.parts.filter { !isTable($0) }), width: nil, command: command)
}

/// What --quiet leaves of one item: the word that names it.
func quietLines(ofItem item: any OperationOutput) -> [String] {
    if let lines = item.quietLines { return lines }
    guard case .line(let line) = item.report.parts.first else { return [] }
    return line.split(separator: " ").first.map { [String($0)] } ?? []
}
