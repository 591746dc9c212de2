internal import Foundation

/// The table of figures, as text.
enum Report {
    private static let head = [
        "row", "measure", "ipfs-kit", "(from – to)", "cpu s", "yardstick", "figure", "cpu s", "ratio", "goal", "",
    ]
    private static let rightAligned: Set<Int> = [2, 4, 6, 7, 8]

    /// The machine and how busy it is with other work.
    static func machine(_ options: Options) -> String {
        let load = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
        let average = load.split(separator: " ").prefix(3).joined(separator: " ")
        let amounts = options.isQuick ? "quick amounts, not for figures" : "full amounts"
        return "\(ProcessInfo.processInfo.activeProcessorCount) cores, load average \(average), "
            + "medians of \(options.runs), \(amounts)"
    }

    /// One line for each figure.
    static func table(_ figures: [Figure]) -> String {
        let rows = [head] + figures.map(cells)
        let widths = head.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let line = row.indices.map { pad(row[$0], widths[$0], right: rightAligned.contains($0)) }
            return line.joined(separator: "  ").replacing(/\s+$/, with: "")
        }.joined(separator: "\n")
    }

    private static func cells(_ figure: Figure) -> [String] {
        let unit = figure.unit
        let spread = figure.ours.values.count > 1
        return [
            figure.row, figure.measure, text(figure.ours.median, unit),
            spread ? "\(number(figure.ours.least, unit)) – \(number(figure.ours.most, unit))" : "",
            processor(figure.ourProcessor), figure.yardstick ?? "", figure.theirs.map { text($0.median, unit) } ?? "",
            processor(figure.theirProcessor), figure.ratio.map { String(format: "%.2f", $0) } ?? "", goal(figure),
            verdict(figure),
        ]
    }

    private static func processor(_ series: Series?) -> String {
        series.map { String(format: "%.3f", $0.median) } ?? ""
    }

    private static func goal(_ figure: Figure) -> String {
        switch figure.goal {
        case .ratio(let most): "≤ \(String(format: "%g", most))×"
        case .value(let most), .gate(let most): "≤ \(text(most, figure.unit))"
        case nil: ""
        }
    }

    private static func verdict(_ figure: Figure) -> String {
        guard let isMet = figure.isMet else { return "" }
        if isMet { return "met" }
        return figure.failsGate ? "MISSED: fails the run" : "missed"
    }

    private static func number(_ value: Double, _ unit: Figure.Unit) -> String {
        switch unit {
        case .seconds: String(format: "%.3f", value)
        case .milliseconds, .mebibytes: String(format: "%.1f", value)
        case .count: String(format: "%.0f", value)
        }
    }

    private static func text(_ value: Double, _ unit: Figure.Unit) -> String {
        unit == .count ? number(value, unit) : "\(number(value, unit)) \(unit.rawValue)"
    }

    private static func pad(_ text: String, _ width: Int, right: Bool) -> String {
        let blanks = String(repeating: " ", count: max(0, width - text.count))
        return right ? blanks + text : text + blanks
    }
}
