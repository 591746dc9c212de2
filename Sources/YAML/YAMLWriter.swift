extension YAMLNode {
    /// The node as a YAML document that reads back as an equal one, in block style with keys in their order.
    package func text() -> String {
        var writer = YAMLWriter()
        writer.write(self, indent: 0, after: .lineStart)
        return writer.text
    }
}

private struct YAMLWriter {
    /// What stands before a node on its line.
    enum Position {
        case lineStart, dash, key
    }

    private(set) var text = ""

    mutating func write(_ node: YAMLNode, indent: Int, after position: Position) {
        switch node.content {
        case .scalar(let value, let style): scalar(Self.written(value, style), position)
        case .sequence(let items) where items.isEmpty: scalar("[]", position)
        case .mapping(let pairs) where pairs.isEmpty: scalar("{}", position)
        case .sequence(let items):
            block(items, indent: indent, after: position) { writer, item in
                writer.text += "-"
                writer.write(item, indent: indent + 2, after: .dash)
            }
        case .mapping(let pairs):
            block(pairs, indent: indent, after: position) { writer, pair in
                writer.write(key: pair.key, indent: indent)
                writer.write(pair.value, indent: indent + 2, after: .key)
            }
        }
    }

    private mutating func scalar(_ written: String, _ position: Position) {
        text += (position == .lineStart ? "" : " ") + written + "\n"
    }

    /// Writes the lines of a collection; the first goes on behind a dash, but not behind a key.
    private mutating func block<Element>(
        _ elements: [Element],
        indent: Int,
        after position: Position,
        line: (inout YAMLWriter, Element) -> Void
    ) {
        if position == .key { text += "\n" }
        for (number, element) in elements.enumerated() {
            let continues = number == 0 && position != .key
            text += continues ? (position == .dash ? " " : "") : String(repeating: " ", count: indent)
            line(&self, element)
        }
    }

    private mutating func write(key: String, indent: Int) {
        let written = Self.written(key, .quoted)
        guard written.utf8.count > 512 else {
            text += written + ":"
            return
        }
        // A YAML parser looks at most 1024 characters ahead for the colon; longer keys are marked beforehand.
        text += "? " + written + "\n" + String(repeating: " ", count: indent) + ":"
    }

    /// The scalar as it stands in the text: plain where that reads back the same, else in quotes.
    private static func written(_ value: String, _ style: YAMLNode.Style) -> String {
        if value.unicodeScalars.contains(where: needsEscape) { return doubleQuoted(value) }
        let isPlain = looksPlain(value) && (style == .plain || !PlainScalar.isAmbiguous(value))
        return isPlain ? value : "'" + value.replacing("'", with: "''") + "'"
    }

    /// Whether YAML's indicators leave `value` alone outside quotes.
    private static func looksPlain(_ value: String) -> Bool {
        guard let first = value.unicodeScalars.first, let last = value.unicodeScalars.last else { return false }
        if "-?:,[]{}#&*!|>'\"%@` ".unicodeScalars.contains(first) {
            let isNumber = first == "-" && (PlainScalar.double(value) != nil)
            if !isNumber { return false }
        }
        if last == ":" || last == " " || value.hasPrefix("...") { return false }
        return !value.contains(": ") && !value.contains(" #")
    }

    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case ..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }

    private static func doubleQuoted(_ value: String) -> String {
        var result = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default:
                guard needsEscape(scalar) else {
                    result.unicodeScalars.append(scalar)
                    continue
                }
                let hex = String(scalar.value, radix: 16, uppercase: true)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            }
        }
        return result + "\""
    }
}
