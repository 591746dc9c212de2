/// What requests carry that must not come back in a sentence: a service, or a proxy before it, may repeat it.
struct S3Secrets: Sendable {
    /// All runs of eight bytes in the secrets, in small letters: a part of a secret is known by them, too.
    private let pieces: Set<UInt64>
    /// Secrets that are shorter than that.
    private let short: [[UInt8]]

    private static let run = 8
    /// Sentences longer than this are cut before anything else is done with them.
    private static let longest = 4096
    /// After these and a colon or an equals sign there may be a secret that is not known here.
    private static let words = ["token", "signature", "secret", "password", "key"].map { Array($0.utf8) }
    /// After these, all of the rest may be one.
    private static let openWords = ["authorization", "credential", "cookie"].map { Array($0.utf8) }

    init(_ secrets: [String]) {
        let folded = secrets.map { $0.utf8.map(Self.small) }
        short = folded.filter { (4..<Self.run).contains($0.count) }
        pieces = Set(folded.flatMap(Self.runs))
    }

    /// A sentence of somebody else's without secrets, control characters and characters that nobody sees.
    func hidden(in text: String) -> String {
        let plain = text.unicodeScalars.prefix(Self.longest).filter { scalar in
            scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
                && !scalar.properties.isDefaultIgnorableCodePoint && !scalar.properties.isBidiControl
        }
        let bytes = Array(String(String.UnicodeScalarView(plain)).utf8)
        let isHidden = mask(bytes.map(Self.small))
        var shown: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if !isHidden[index] {
                shown.append(byte)
            } else if index == 0 || !isHidden[index - 1] {
                shown += Array("…".utf8)
            }
        }
        return String(decoding: shown, as: UTF8.self)
    }

    private func mask(_ text: [UInt8]) -> [Bool] {
        var isHidden = [Bool](repeating: false, count: text.count)
        func hide(_ range: Range<Int>) { for index in range { isHidden[index] = true } }
        for (start, piece) in Self.runs(text).enumerated() where pieces.contains(piece) {
            hide(start..<start + Self.run)
        }
        for start in text.indices {
            let rest = text[start...]
            for secret in short where rest.starts(with: secret) { hide(start..<start + secret.count) }
            if Self.openWords.contains(where: { rest.starts(with: $0) }) { hide(start..<text.count) }
            guard let word = Self.words.first(where: { rest.starts(with: $0) }) else { continue }
            let marks = rest.dropFirst(word.count).prefix { #"'": =>"#.utf8.contains($0) }
            guard marks.contains(where: { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "=") }) else { continue }
            let value = text[marks.endIndex...].prefix { !#" ,;&<"'"#.utf8.contains($0) }
            hide(value.startIndex..<value.endIndex)
        }
        hideDigests(text, hide)
        return isHidden
    }

    /// A signature is a long run of hexadecimal digits, and so is much that nobody misses.
    private func hideDigests(_ text: [UInt8], _ hide: (Range<Int>) -> Void) {
        var start = 0
        for index in 0...text.count {
            let isDigit = index < text.count && "0123456789abcdef".utf8.contains(text[index])
            guard !isDigit else { continue }
            if index - start >= 16 { hide(start..<index) }
            start = index + 1
        }
    }

    /// Each run of eight bytes as a number.
    private static func runs(_ bytes: [UInt8]) -> [UInt64] {
        guard bytes.count >= run else { return [] }
        var value = bytes.prefix(run).reduce(0) { $0 << 8 | UInt64($1) }
        var values = [value]
        for byte in bytes.dropFirst(run) {
            value = value << 8 | UInt64(byte)
            values.append(value)
        }
        return values
    }

    private static func small(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}
