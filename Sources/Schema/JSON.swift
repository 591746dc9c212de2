/// A JSON value whose objects keep the order of their members.
package enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A whole number that is too large for `integer`.
    case natural(UInt64)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    /// A name and a value in an object.
    package struct Member: Sendable, Hashable {
        package let name: String
        package let value: JSON

        package init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// The value of a member, or nil where there is none.
    package subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// A string, or null.
    package static func text(_ value: (some CustomStringConvertible)?) -> JSON {
        value.map { .string($0.description) } ?? .null
    }

    /// A whole number, or null.
    package static func count(_ value: (some BinaryInteger)?) -> JSON {
        value.map { .integer(Int64(clamping: $0)) } ?? .null
    }

    /// The value as text on one line.
    package var compact: String {
        var output: [UInt8] = []
        write(to: &output, indent: nil)
        return String(decoding: output, as: UTF8.self)
    }

    /// The value as indented text.
    package var indented: String {
        var output: [UInt8] = []
        write(to: &output, indent: 0)
        return String(decoding: output, as: UTF8.self)
    }

    private func write(to output: inout [UInt8], indent: Int?) {
        switch self {
        case .null: output += "null".utf8
        case .bool(let flag): output += (flag ? "true" : "false").utf8
        case .integer(let number): output += String(number).utf8
        case .natural(let number): output += String(number).utf8
        case .number(let number): output += (number.isFinite ? String(number) : "null").utf8
        case .string(let text): Self.write(text, to: &output)
        case .array(let items):
            Self.write("[", "]", items, to: &output, indent) { (item, output, indent) in
                item.write(to: &output, indent: indent)
            }
        case .object(let members):
            Self.write("{", "}", members, to: &output, indent) { (member, output, indent) in
                Self.write(member.name, to: &output)
                output += (indent == nil ? ":" : ": ").utf8
                member.value.write(to: &output, indent: indent)
            }
        }
    }

    private static func write<Item>(
        _ opening: String,
        _ closing: String,
        _ items: [Item],
        to output: inout [UInt8],
        _ indent: Int?,
        _ writeItem: (Item, inout [UInt8], Int?) -> Void
    ) {
        output += opening.utf8
        for (index, item) in items.enumerated() {
            if index > 0 { output += ",".utf8 }
            if let indent {
                output += "\n".utf8
                output += String(repeating: "  ", count: indent + 1).utf8
            }
            writeItem(item, &output, indent.map { $0 + 1 })
        }
        if let indent, !items.isEmpty {
            output += "\n".utf8
            output += String(repeating: "  ", count: indent).utf8
        }
        output += closing.utf8
    }

    /// Writes a string with the escapes that RFC 8259 §7 demands, and DEL and C1 controls for terminals' sake.
    private static func write(_ text: String, to output: inout [UInt8]) {
        output.append(0x22)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\"".utf8
            case "\\": output += "\\\\".utf8
            case "\n": output += "\\n".utf8
            case "\r": output += "\\r".utf8
            case "\t": output += "\\t".utf8
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}":
                let digits = String(scalar.value, radix: 16)
                output += ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8
            default: output += UTF8.encode(scalar).map(Array.init) ?? []
            }
        }
        output.append(0x22)
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements.map { Member($0.0, $0.1) }) }
}
