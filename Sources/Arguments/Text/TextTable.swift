/// Rows of text in columns that stand under one another.
package struct TextTable: Sendable {
    /// How a column is shown.
    package struct Column: Sendable {
        package let title: String
        /// Stands on the right.
        package let isNumber: Bool
        /// May be cut in the middle.
        package let mayShrink: Bool

        package init(_ title: String, isNumber: Bool = false, mayShrink: Bool = false) {
            self.title = title
            self.isNumber = isNumber
            self.mayShrink = mayShrink
        }
    }

    private static let gap = 2
    /// What is left of a cell, at least.
    private static let minWidth = 8

    private let columns: [Column]
    private let rows: [[String]]

    /// A table; cells that a row lacks are empty, and those beyond the columns are left out.
    package init(_ columns: [Column], rows: [[String]]) {
        self.columns = columns
        self.rows = rows
    }

    /// The lines of the table, at most `width` cells long where the columns allow it.
    package func lines(width: Int?) -> [String] {
        let cells = ([columns.map(\.title)] + rows).map { row in
            columns.indices.map { DisplayText($0 < row.count ? row[$0] : "") }
        }
        var widths = columns.indices.map { index in cells.reduce(0) { max($0, $1[index].width) } }
        if let width { shrink(&widths, to: width) }
        return cells.map { row in line(row, widths) }
    }

    private func line(_ row: [DisplayText], _ widths: [Int]) -> String {
        var line = ""
        for (index, cell) in row.enumerated() {
            let shown = cell.shortened(to: widths[index])
            let isLast = index + 1 == row.count
            line +=
                isLast && !columns[index].isNumber
                ? shown.text : shown.padded(to: widths[index], right: columns[index].isNumber)
            if !isLast { line += String(repeating: " ", count: Self.gap) }
        }
        return String(line.reversed().drop { $0 == " " }.reversed())
    }

    /// Finds the largest bound under which the columns that may shrink let all of them fit.
    private func shrink(_ widths: inout [Int], to limit: Int) {
        let room = limit - Self.gap * (columns.count - 1)
        func bounded(_ bound: Int) -> [Int] {
            zip(columns, widths).map { column, width in column.mayShrink ? min(width, bound) : width }
        }
        guard widths.reduce(0, +) > room else { return }
        var low = Self.minWidth
        var high = max(low, widths.max() ?? low)
        while low < high {
            let middle = (low + high + 1) / 2
            if bounded(middle).reduce(0, +) <= room {
                low = middle
            } else {
                high = middle - 1
            }
        }
        widths = bounded(low)
    }
}

/// Names with values, one a line, the values under one another.
package func factLines(_ facts: [(name: String, value: String)]) -> [String] {
    let shown = facts.map { (DisplayText($0.name + ":"), DisplayText($0.value)) }
    let width = shown.reduce(0) { max($0, $1.0.width) }
    return shown.map { name, value in
        value.text.isEmpty ? name.text : name.padded(to: width) + " " + value.text
    }
}
