/// One way in which a server wants to be told who asks (RFC 9110 §11.6.1): `Digest realm="x", nonce="y"`.
struct HTTPChallenge: Sendable, Hashable {
    /// The word of the scheme, in lower case.
    let scheme: String
    /// The values by their names in lower case, without their quotes.
    let parameters: [String: String]

    /// What is longer is read by nobody.
    private static let longest = 8192

    /// The challenges in the fields of a reply; several may stand in one field, between commas.
    static func read(_ fields: [String]) -> [HTTPChallenge] {
        fields.filter { $0.utf8.count <= longest }.flatMap { field in
            var challenges: [HTTPChallenge] = []
            for item in items(Array(field.utf8)) {
                let words = item.name.split(separator: " ")
                // A scheme stands before its first value, and has no equals sign itself.
                if words.count > 1 || item.value == nil {
                    challenges.append(HTTPChallenge(scheme: words.first.map(String.init) ?? "", parameters: [:]))
                }
                guard let last = challenges.popLast(), let name = words.last, let value = item.value else { continue }
                let parameters = last.parameters.merging([String(name): value]) { first, _ in first }
                challenges.append(HTTPChallenge(scheme: last.scheme, parameters: parameters))
            }
            return challenges
        }
    }

    /// The values in a list such as that of `Authentication-Info` (RFC 7615 §3).
    static func values(_ field: String) -> [String: String] {
        guard field.utf8.count <= longest else { return [:] }
        let pairs = items(Array(field.utf8)).compactMap { item in item.value.map { (item.name, $0) } }
        return Dictionary(pairs) { first, _ in first }
    }

    private struct Item {
        /// What stands before the equals sign, in lower case.
        let name: String
        /// What follows it; nil where there is no such sign.
        let value: String?
    }

    /// What stands between the commas that are not in quotes.
    private static func items(_ bytes: [UInt8]) -> [Item] {
        var items: [Item] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let name = rest.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ",") }
            rest = rest.dropFirst(name.count)
            let value = rest.popFirst() == UInt8(ascii: "=") ? takeValue(from: &rest) : nil
            let text = String(decoding: name, as: UTF8.self).lowercased()
            let trimmed = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            if !trimmed.isEmpty { items.append(Item(name: trimmed, value: value)) }
        }
        return items
    }

    /// Takes a value and the comma after it off the front.
    private static func takeValue(from rest: inout ArraySlice<UInt8>) -> String {
        rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
        var value: [UInt8] = []
        if rest.first == UInt8(ascii: "\"") {
            rest.removeFirst()
            while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
                value.append(byte == UInt8(ascii: "\\") ? rest.popFirst() ?? byte : byte)
            }
            rest = rest.drop { $0 != UInt8(ascii: ",") }.dropFirst()
            return String(decoding: value, as: UTF8.self)
        }
        value = Array(rest.prefix { $0 != UInt8(ascii: ",") })
        rest = rest.dropFirst(value.count + 1)
        return String(decoding: value, as: UTF8.self).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
