/// A way to write bytes as text, named by the text's first character.
public enum Multibase: UInt32, Sendable, CaseIterable {
    case base2 = 0x30, base8 = 0x37, base10 = 0x39
    case base16 = 0x66, base16Upper = 0x46
    case base32 = 0x62, base32Upper = 0x42, base32Pad = 0x63, base32PadUpper = 0x43
    case base32Hex = 0x76, base32HexUpper = 0x56, base32HexPad = 0x74, base32HexPadUpper = 0x54, base32Z = 0x68
    case base36 = 0x6B, base36Upper = 0x4B
    case base58btc = 0x7A, base58flickr = 0x5A
    case base64 = 0x6D, base64Pad = 0x4D, base64URL = 0x75, base64URLPad = 0x55
    case base256emoji = 0x1F680

    /// The longest text in a base that is no power of two, in bytes: its conversion takes quadratic time.
    ///
    /// Of other bases any text that is in memory is read, for that takes no more time and memory than the text did.
    public static let longestPositionalText = 2048

    /// The character that texts of this base begin with.
    public var prefix: String { Unicode.Scalar(rawValue).map { String(Character($0)) } ?? "" }

    /// Writes `bytes`, the base's prefix first.
    public func encode(_ bytes: [UInt8]) -> String {
        prefix + encodeWithoutPrefix(bytes)
    }

    /// Writes `bytes` without a prefix.
    public func encodeWithoutPrefix(_ bytes: [UInt8]) -> String {
        guard let alphabet else { return EmojiAlphabet.text(bytes) }
        let digits = alphabet.bits == 0 ? alphabet.positionalDigits(bytes) : alphabet.groupedDigits(bytes)
        return String(decoding: digits, as: UTF8.self)
    }

    /// Reads text by its prefix.
    ///
    /// - Throws: `.unknownBase`, `.badCharacter`, `.badPadding`, `.tooLong`, or `.truncated` for no text at all.
    public static func decode(_ text: String) throws(FormatProblem) -> (Multibase, [UInt8]) {
        guard let prefix = text.unicodeScalars.first else { throw FormatProblem(.truncated, "The text is empty.") }
        guard let base = Multibase(rawValue: prefix.value) else {
            throw FormatProblem(.unknownBase, "The text begins with no multibase prefix that is known here.")
        }
        return (base, try base.bytes(text.unicodeScalars.dropFirst()))
    }

    /// Reads text of this base that has no prefix.
    public func decodeWithoutPrefix(_ text: String) throws(FormatProblem) -> [UInt8] {
        try bytes(text.unicodeScalars[...])
    }

    private func bytes(_ text: Substring.UnicodeScalarView) throws(FormatProblem) -> [UInt8] {
        let digits = Array(String(text).utf8)
        guard let alphabet else { return try EmojiAlphabet.bytes(text) }
        guard alphabet.bits == 0 else { return try alphabet.groupedBytes(digits) }
        guard digits.count <= Self.longestPositionalText else {
            throw FormatProblem(
                .tooLong,
                "The text has \(digits.count) characters; the limit is \(Self.longestPositionalText)."
            )
        }
        return try alphabet.positionalBytes(digits)
    }
}
