/// A length of time as somebody writes it.
package struct TimeSpan: Sendable, Hashable, FieldConvertible {
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    /// Reads `90`, `90s`, `15m`, `2h30m`, `1d`, `2w`; a bare number counts seconds.
    package init?(_ text: String) {
        guard !text.isEmpty else { return nil }
        if text.allSatisfy({ $0.isASCII && $0.isNumber }) {
            guard let seconds = Int64(text) else { return nil }
            self.init(seconds: seconds)
            return
        }
        var rest = text.lowercased()[...]
        var sum: Int64 = 0
        var last = Int64.max
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            // Each unit once, the largest first.
            guard let number = Int64(digits), let unit = rest.popFirst().flatMap({ Self.units[$0] }), unit < last,
                case let (product, isTooLong) = number.multipliedReportingOverflow(by: unit), !isTooLong,
                case let (next, isOver) = sum.addingReportingOverflow(product), !isOver
            else { return nil }
            (sum, last) = (next, unit)
        }
        self.init(seconds: sum)
    }

    private static let units: [Character: Int64] = ["w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1]

    package static var fieldKind: FieldKind { .duration }

    package init(field: FieldValue) throws(FieldProblem) {
        guard case .integer(let number) = field, number >= 0 else {
            throw FieldProblem("“\(field.text)” is not a length of time")
        }
        seconds = number
    }

    package var fieldValue: FieldValue? { .integer(seconds) }
}
