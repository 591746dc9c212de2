/// The forms in which a secret may stand in a text.
enum SecretForms {
    /// The forms that show nothing of the text any more: hexadecimal digits, and base64, alone or behind something
    /// else.
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

    /// Whether a text has the user of a URL in it, a user with a password before a host, or a secret in a query.
    static func hasCredentials(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var word = Word()
        return bytes.indices.contains { place(bytes, $0, &word) != nil }
    }

    /// A stretch of text without blanks, quotation marks or slashes: looked for once, and not again at each of its
    /// bytes.
    private struct Word {
        private(set) var end = 0
        /// Where the last `@` in it is.
        private(set) var at: Int?

        /// Finds the one that `index` is in; indices only grow.
        mutating func find(_ bytes: [UInt8], _ index: Int) {
            guard index >= end else { return }
            (end, at) = (index, nil)
            while end < bytes.count, !isEnd(bytes[end]), bytes[end] != 0x2F {
                if bytes[end] == 0x40 { at = end }
                end += 1
            }
        }
    }

    /// What is secret by what stands before it, at `index`.
    private static func place(_ bytes: [UInt8], _ index: Int, _ word: inout Word) -> Range<Int>? {
        let place = userInformation(bytes, index) ?? bareUser(bytes, index, &word) ?? parameter(bytes, index)
        // What was hidden once is none any more.
        return place.flatMap { bytes[$0].elementsEqual(Redactor.mark.utf8) ? nil : $0 }
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
        var word = Word()
        return hide(in: &bytes, by: mark) { bytes, index in place(bytes, index, &word) ?? token(bytes, index) }
    }

    /// What stands between `://` at `index` and the `@` of a URL (RFC 3986 §3.2.1).
    private static func userInformation(_ bytes: [UInt8], _ index: Int) -> Range<Int>? {
        guard bytes[index] == 0x3A, index + 3 < bytes.count, bytes[index + 1] == 0x2F, bytes[index + 2] == 0x2F else {
            return nil
        }
        let start = index + 3
        var word = Word()
        word.find(bytes, start)
        guard let at = word.at, at > start else { return nil }
        return start..<at
    }

    /// A user and a password that begin at `index`, before a host that has no scheme: `user:password@host`.
    private static func bareUser(_ bytes: [UInt8], _ index: Int, _ word: inout Word) -> Range<Int>? {
        guard index == 0 || isBoundary(bytes[index - 1]), isNameByte(bytes[index]) else { return nil }
        guard let colon = bytes[index...].firstIndex(where: { !isNameByte($0) }), bytes[colon] == 0x3A,
            // An address of mail is nothing secret, and has that lead in links.
            String(decoding: bytes[index..<colon], as: UTF8.self).lowercased() != "mailto"
        else { return nil }
        word.find(bytes, index)
        guard let at = word.at, at > colon + 1, at + 1 < word.end, isNameByte(bytes[at + 1]) || bytes[at + 1] == 0x5B
        else { return nil }
        return index..<at
    }

    /// The value of a parameter, in a query or a fragment that `index` is a separator of, whose name says that it is
    /// secret.
    private static func parameter(_ bytes: [UInt8], _ index: Int) -> Range<Int>? {
        guard [0x3F, 0x26, 0x23, 0x3B].contains(bytes[index]) else { return nil }
        guard let equals = bytes[(index + 1)...].prefix(longestName).firstIndex(of: 0x3D) else { return nil }
        let letters = bytes[index + 1..<equals].filter { $0 != 0x2D && $0 != 0x5F }
        let name = String(decoding: letters, as: UTF8.self).lowercased()
        guard secretNames.contains(where: name.hasSuffix), name != "continuationtoken" else { return nil }
        let start = equals + 1
        let end = bytes[start...].firstIndex { isEnd($0) || [0x26, 0x23, 0x3B].contains($0) } ?? bytes.endIndex
        return start < end ? start..<end : nil
    }

    /// The longest name of a parameter that is looked at, in bytes.
    private static let longestName = 64
    /// What the names of secret parameters end with, without hyphens.
    private static let secretNames = [
        "password", "passwd", "passphrase", "pwd", "secret", "token", "signature", "sig", "apikey", "accesskey",
        "secretkey", "privatekey", "credential", "credentials", "authorization",
    ]

    /// Hides a short secret where it stands as a word of its own; says whether it was there.
    ///
    /// One of one or two bytes is hidden only between quotation marks: texts are made of such words.
    static func hideWord(_ word: [UInt8], in bytes: inout [UInt8], by mark: [UInt8]) -> Bool {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let end = index + word.count
            if end <= bytes.count, bytes[index..<end].elementsEqual(word), isAlone(bytes, index..<end, word.count > 2) {
                result += mark
                index = end
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        guard result != bytes else { return false }
        bytes = result
        return true
    }

    private static func isAlone(_ bytes: [UInt8], _ range: Range<Int>, _ isLong: Bool) -> Bool {
        let (before, after) = (bytes[..<range.lowerBound], bytes[range.upperBound...])
        guard isLong else {
            return quotes.contains { before.suffix($0.0.count).elementsEqual($0.0) && after.starts(with: $0.1) }
        }
        return !(before.last.map(isInWord) ?? false) && !(after.first.map(isInWord) ?? false)
    }

    /// What stands around something that is quoted, before and after it.
    private static let quotes = [("“", "”"), ("\"", "\""), ("'", "'"), ("`", "`")].map {
        (Array($0.0.utf8), Array($0.1.utf8))
    }

    /// Whether a byte is a letter, a digit, or an underscore.
    private static func isInWord(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }

    /// Whether a byte may stand in a user or the name of a host.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        isInWord(byte) || [0x25, 0x2B, 0x2D, 0x2E, 0x7E].contains(byte)
    }

    /// Whether a word may begin behind a byte.
    private static func isBoundary(_ byte: UInt8) -> Bool {
        isEnd(byte) || byte >= 0x80 || [0x28, 0x2C, 0x3D, 0x5B].contains(byte)
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

    // MARK: Sentences of others

    /// After these and a colon or an equals sign there may be a secret that nobody here knows.
    private static let names = ["token", "signature", "secret", "password", "key"].map { Array($0.utf8) }
    /// After these, all of the rest may be one.
    private static let openNames = ["authorization", "credential", "cookie"].map { Array($0.utf8) }
    /// A signature is a run of so many hexadecimal digits or more; and so is much that nobody misses.
    private static let shortestDigest = 16

    /// Hides what a service may repeat of a request that it was sent: what follows names of secrets, and signatures.
    static func hideEchoes(in bytes: inout [UInt8], by mark: [UInt8]) {
        let small = bytes.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        _ = hide(in: &bytes, by: mark) { _, index in echo(small, index) }
    }

    /// Puts `mark` in the place of what `find` gives for an index: a range that begins there or later; says whether it
    /// gave any.
    private static func hide(
        in bytes: inout [UInt8],
        by mark: [UInt8],
        _ find: ([UInt8], Int) -> Range<Int>?
    ) -> Bool {
        var result: [UInt8] = []
        var isChanged = false
        var index = 0
        while index < bytes.count {
            guard let hidden = find(bytes, index) else {
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

    /// What is to be hidden of a text in small letters for what begins at `index`.
    private static func echo(_ text: [UInt8], _ index: Int) -> Range<Int>? {
        let rest = text[index...]
        if let name = openNames.first(where: { rest.starts(with: $0) }) { return index + name.count..<text.count }
        if let name = names.first(where: { rest.starts(with: $0) }) {
            let marks = rest.dropFirst(name.count).prefix { Array("'\": =>".utf8).contains($0) }
            let value = text[marks.endIndex...].prefix { !Array(" ,;&<\"'".utf8).contains($0) }
            if marks.contains(where: { $0 == 0x3A || $0 == 0x3D }), !value.isEmpty { return value.indices }
        }
        guard index == 0 || !digits.contains(text[index - 1]) else { return nil }
        let run = rest.prefix { digits.contains($0) }
        return run.count >= shortestDigest ? run.indices : nil
    }
}
