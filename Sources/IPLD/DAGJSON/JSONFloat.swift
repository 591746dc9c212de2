/// The shortest text that reads back as `value`, which is finite, in the notation of ECMAScript (ECMA-262,
/// "Number::toString") with ".0" after whole numbers, so that it does not read as an integer.
func jsonText(of value: Double) -> String {
    // Swift finds the shortest digits too, but sets the point elsewhere.
    var text = value.magnitude.description[...]
    var exponent = 0
    if let place = text.firstIndex(of: "e") {
        exponent = Int(text[text.index(after: place)...]) ?? 0
        text = text[..<place]
    }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let whole = parts[0]
    let fraction = parts.count > 1 ? parts[1] : ""
    let all = whole + fraction
    let digits = all.drop { $0 == "0" }
    // The value is 0.digits × 10^point.
    let point = whole.count - (all.count - digits.count) + exponent
    let significant = String(digits.reversed().drop { $0 == "0" }.reversed())
    let sign = value.sign == .minus ? "-" : ""
    guard let first = significant.first else { return sign + "0.0" }
    func zeros(_ count: Int) -> String { String(repeating: "0", count: count) }
    let rest = significant.dropFirst()
    return switch point {
    case significant.count...21 where point > 0: sign + significant + zeros(point - significant.count) + ".0"
    case 1...21: sign + significant.prefix(point) + "." + significant.dropFirst(point)
    case -5...0: sign + "0." + zeros(-point) + significant
    default: "\(sign)\(first)\(rest.isEmpty ? "" : "." + rest)e\(point > 0 ? "+" : "")\(point - 1)"
    }
}
