internal import Multiformats

extension Node {
    /// The bytes as DAG-JSON: no white space, keys in the order of their bytes.
    ///
    /// - Throws: `.malformed` for an integer or float outside the data model, a key that is there twice, or a map that
    ///   reads like a link or like bytes; `.tooDeep`; `.tooLarge` for a link with more text than ``CID/longestText``.
    public func json() throws(DecodingProblem) -> [UInt8] {
        var bytes: [UInt8] = []
        try append(json: &bytes, depth: 0)
        return bytes
    }

    private func append(json bytes: inout [UInt8], depth: Int) throws(DecodingProblem) {
        guard depth <= Self.deepest else {
            throw DecodingProblem(.tooDeep, "A value is nested deeper than \(Self.deepest) levels.")
        }
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value):
            guard UInt64(exactly: value < 0 ? -1 - value : value) != nil else {
                throw DecodingProblem(.malformed, "The integer \(value) does not fit the data model.")
            }
            bytes += value.description.utf8
        case .float(let value):
            guard value.isFinite else { throw DecodingProblem(.malformed, "dag-json holds finite floats only.") }
            bytes += jsonText(of: value).utf8
        case .string(let value): Self.append(text: value, to: &bytes)
        case .bytes(let value):
            bytes += #"{"/":{"bytes":""#.utf8
            bytes += Multibase.base64.encodeWithoutPrefix(value).utf8
            bytes += #""}}"#.utf8
        case .list(let items):
            bytes.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                try item.append(json: &bytes, depth: depth + 1)
            }
            bytes.append(UInt8(ascii: "]"))
        case .map(let entries): try Self.append(json: entries, to: &bytes, depth)
        case .link(let cid):
            let text = cid.description
            guard text.utf8.count <= CID.longestText else {
                throw DecodingProblem(.tooLarge, "A link is too long to be read back from dag-json.")
            }
            bytes += #"{"/":""#.utf8
            bytes += text.utf8
            bytes += #""}"#.utf8
        }
    }

    private static func append(json entries: [Entry], to bytes: inout [UInt8], _ depth: Int) throws(DecodingProblem) {
        let sorted = entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        for (left, right) in zip(sorted, sorted.dropFirst()) where left.key.utf8.elementsEqual(right.key.utf8) {
            throw DecodingProblem(.malformed, "A map has the key \"\(left.key)\" twice.")
        }
        guard !isReserved(sorted) else {
            throw DecodingProblem(.malformed, "A map with the key \"/\" reads like a link or bytes in dag-json.")
        }
        bytes.append(UInt8(ascii: "{"))
        for (index, entry) in sorted.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(text: entry.key, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            try entry.value.append(json: &bytes, depth: depth + 1)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// Whether a map, keys in the order of their bytes, has a form that DAG-JSON keeps for links and bytes.
    static func isReserved(_ sorted: [Entry]) -> Bool {
        guard let first = sorted.first, first.key == "/" else { return false }
        switch first.value {
        case .string: return true
        case .map(let inner):
            guard let key = inner.min(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) else { return false }
            if key.key == "bytes", case .string = key.value { return true }
            return false
        default: return false
        }
    }

    /// Writes text with the escapes that Kubo writes, which are those of Go's JSON packages: two letters for quotation
    /// mark, backslash, tab, line feed and carriage return; numbers for the other control characters, and for U+2028
    /// and U+2029, which are ends of lines in JavaScript.
    private static func append(text: String, to bytes: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C: bytes += [UInt8(ascii: "\\"), UInt8(truncatingIfNeeded: scalar.value)]
            case 0x09: bytes += #"\t"#.utf8
            case 0x0A: bytes += #"\n"#.utf8
            case 0x0D: bytes += #"\r"#.utf8
            case 0..<0x20: bytes += #"\u00"#.utf8 + [digits[Int(scalar.value >> 4)], digits[Int(scalar.value & 15)]]
            case 0x20..<0x80: bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case 0x2028: bytes += #"\u2028"#.utf8
            case 0x2029: bytes += #"\u2029"#.utf8
            default: if let encoded = UTF8.encode(scalar) { bytes.append(contentsOf: encoded) }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
