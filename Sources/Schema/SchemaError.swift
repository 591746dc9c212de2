/// A name or a value that does not fit the fields of a type.
package struct SchemaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    package enum Code: Sendable, Hashable { case unknown, missing, badValue }

    package let code: Code
    /// The name of the field.
    package let field: String
    package let message: String

    package var description: String { message }

    /// A name that is no field; the message names the nearest that is.
    package static func unknown(_ name: String, among names: [String]) -> SchemaError {
        let hint =
            nearest(to: name, among: names).map { "; did you mean “\($0)”?" }
            ?? (names.isEmpty ? "; there are none here." : "; known: \(names.joined(separator: ", ")).")
        return SchemaError(code: .unknown, field: name, message: "“\(name)” is not a known name\(hint)")
    }

    /// A required field without a value.
    package static func missing(_ name: String) -> SchemaError {
        SchemaError(code: .missing, field: name, message: "“\(name)” is required and is not given.")
    }

    /// A value that does not fit; `phrase` says how.
    package static func badValue(_ name: String, _ phrase: String) -> SchemaError {
        SchemaError(code: .badValue, field: name, message: "\(name): \(phrase).")
    }
}

/// The name that differs least from `name`, when it differs little enough to be a slip.
package func nearest(to name: String, among names: [String]) -> String? {
    let wanted = Array(name.lowercased())
    let scored = names.map { (name: $0, distance: editDistance(wanted, Array($0.lowercased()))) }
    guard let best = scored.min(by: { $0.distance < $1.distance }), best.distance <= max(1, wanted.count / 3) else {
        return names.first { $0.hasPrefix(name) && name.count >= 2 }
    }
    return best.name
}

/// The least number of insertions, removals, exchanges and swaps of neighbours between two words.
private func editDistance(_ left: [Character], _ right: [Character]) -> Int {
    guard left.count <= 64, right.count <= 64 else { return .max }
    var rows = [Array(0...right.count)]
    for (i, a) in left.enumerated() {
        var row = [i + 1]
        for (j, b) in right.enumerated() {
            var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a == b ? 0 : 1))
            if i > 0, j > 0, a == right[j - 1], left[i - 1] == b { best = min(best, rows[i - 1][j - 1] + 1) }
            row.append(best)
        }
        rows.append(row)
    }
    return rows[left.count][right.count]
}
