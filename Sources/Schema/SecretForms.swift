/// The forms in which a secret may stand in a text.
enum SecretForms {
    /// The forms that show nothing of the text any more: hexadecimal digits, and base64, alone or behind something else.
    static func opaque(_ secret: String) -> [[UInt8]] {
        let bytes = Array(secret.utf8)
        var forms: [[UInt8]] = []
        forms.append(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
        for alphabet in [base64, base64URL] {
            for offset in 0..<3 { forms.append(inner(bytes, offset, alphabet)) }
        }
        var seen: Set<[UInt8]> = []
        return forms.filter { $0.count >= 8 && seen.insert($0).inserted }
    }

    private static let digits = Array("0123456789abcdef".utf8)
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let base64 = letters + Array("+/".utf8)
    private static let base64URL = letters + Array("-_".utf8)

    /// A text with `%41` and the like as what they stand for (RFC 3986 §2.1).
    static func unescaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == 0x25, let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
                rest.count >= 2
            {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether a text has the user of a URL in it.
    static func hasUser(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.indices.contains { userInformation(bytes, $0) != nil }
    }

    /// What of base64 depends on the bytes alone where `offset` others, modulo three, stand before them.
    private static func inner(_ bytes: [UInt8], _ offset: Int, _ alphabet: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in [UInt8](repeating: 0, count: offset) + bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[Int(bits >> UInt32(count) & 63)])
            }
        }
        // The first characters hold bits of what stands before; the last one, which is left out, of what follows.
        let form = Array(text.dropFirst(offset == 0 ? 0 : offset + 1))
        return form.count >= 8 ? form : []
    }

    /// The words before what is secret wherever it stands.
    private static let leads = ["signature=", "security-token=", "security-token: ", "bearer ", "basic "].map {
        Array($0.utf8)
    }
    private static let shortestToken = 16

    /// Hides users and passwords in URLs, signatures and tokens; says whether there were any.
    static func hidePatterns(in bytes: inout [UInt8], by mark: [UInt8]) -> Bool {
        var result: [UInt8] = []
        var isChanged = false
        var index = 0
        while index < bytes.count {
            let hidden = userInformation(bytes, index) ?? token(bytes, index)
            guard let hidden else {
                result.append(bytes[index])
                index += 1
                continue
            }
            result += bytes[index..<hidden.lowerBound] + mark
            index = hidden.upperBound
            isChanged = true
        }
        if isChanged { bytes = result }
        return isChanged
    }

    /// What stands between `://` at `index` and the `@` of a URL (RFC 3986 §3.2.1).
    private static func userInformation(_ bytes: [UInt8], _ index: Int) -> Range<Int>? {
        guard bytes[index] == 0x3A, index + 3 < bytes.count, bytes[index + 1] == 0x2F, bytes[index + 2] == 0x2F else {
            return nil
        }
        let start = index + 3
        var end = start
        var at: Int?
        while end < bytes.count, !isEnd(bytes[end]), bytes[end] != 0x2F {
            if bytes[end] == 0x40 { at = end }
            end += 1
        }
        guard let at, at > start else { return nil }
        return start..<at
    }

    private static func isEnd(_ byte: UInt8) -> Bool { byte <= 0x20 || [0x22, 0x27, 0x3C, 0x3E, 0x60].contains(byte) }

    /// What follows one of the words in `leads` at `index`.
    private static func token(_ bytes: [UInt8], _ index: Int) -> Range<Int>? {
        for lead in leads where bytes.count - index > lead.count {
            let isLead = zip(bytes[index...], lead).allSatisfy { byte, letter in
                byte == letter || (0x41...0x5A).contains(byte) && byte + 0x20 == letter
            }
            guard isLead else { continue }
            let start = index + lead.count
            var end = start
            while end < bytes.count, !isEnd(bytes[end]), ![0x26, 0x2C, 0x3B].contains(bytes[end]) { end += 1 }
            if end - start >= shortestToken { return start..<end }
        }
        return nil
    }
}
