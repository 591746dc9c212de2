/// Finds secrets in texts, whole or in parts, however others have escaped them.
///
/// Services repeat what they were sent, in capitals or small letters, escaped for JSON, XML or URLs, and cut where
/// their messages end.
struct SecretSearch: Sendable {
    /// The hashes of what is looked for, by its length in bytes.
    private var needles: [Int: Set<UInt64>] = [:]

    /// Adds something to look for: each part of it that is `part` bytes long, or all of it where it is shorter.
    mutating func add(_ secret: [UInt8], part: Int) {
        let length = min(secret.count, part)
        guard length > 0 else { return }
        var window = Window(length)
        for byte in secret {
            guard let hash = window.add(byte) else { continue }
            needles[length, default: []].insert(hash)
        }
    }

    /// Where in the text there is something of a secret, in order, without overlaps; with `hasGaps`, also where blanks
    /// and the like stand between its bytes, as people write hexadecimal digits.
    func ranges(in text: [UInt8], hasGaps: Bool = false) -> [Range<Int>] {
        guard !needles.isEmpty else { return [] }
        if hasGaps {
            let letters = text.enumerated().filter { !Self.gaps.contains($1) }
            let found = ranges(in: letters.map(\.element))
            return found.map { letters[$0.lowerBound].offset..<letters[$0.upperBound - 1].offset + 1 }
        }
        var isSecret: [Bool] = []
        func look(_ bytes: some Sequence<UInt8>, _ place: (Int) -> Range<Int>) {
            for (length, hashes) in needles {
                var window = Window(length)
                for (index, byte) in bytes.enumerated() {
                    guard let hash = window.add(byte), hashes.contains(hash) else { continue }
                    if isSecret.isEmpty { isSecret = Array(repeating: false, count: text.count) }
                    for each in place(index - length + 1).lowerBound..<place(index).upperBound { isSecret[each] = true }
                }
            }
        }
        look(text) { $0..<$0 + 1 }
        guard text.contains(where: { Self.marks.contains($0) }) else { return Self.runs(isSecret) }
        var letters = text.enumerated().map { Letter(byte: $1, place: $0..<$0 + 1) }
        // What is escaped may be escaped again, as XML is in JSON.
        for _ in 0..<2 {
            let decoded = Self.unescaped(letters)
            guard decoded.count < letters.count || decoded.contains(where: { $0.byte == 0x2B }) else { break }
            letters = decoded
            look(letters.lazy.map(\.byte)) { letters[$0].place }
            look(letters.lazy.map { $0.byte == 0x2B ? 0x20 : $0.byte }) { letters[$0].place }
        }
        return Self.runs(isSecret)
    }

    /// What may stand between digits: blanks and punctuation.
    private static let gaps = Set(" \t\r\n:;,.|-".utf8)

    private static func runs(_ flags: [Bool]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start: Int?
        for (index, flag) in flags.enumerated() where flag != (start != nil) {
            if let begun = start {
                ranges.append(begun..<index)
                start = nil
            } else {
                start = index
            }
        }
        if let start { ranges.append(start..<flags.count) }
        return ranges
    }

    // MARK: Escapes

    /// A byte, and where in the text it is written.
    private struct Letter {
        let byte: UInt8
        let place: Range<Int>
    }

    /// What the text is after one kind of escape was taken off each place: of URLs (RFC 3986 §2.1), JSON (RFC 8259 §7),
    /// C, or XML (XML 1.0 §4.1, §4.6).
    private static func unescaped(_ letters: [Letter]) -> [Letter] {
        var result: [Letter] = []
        result.reserveCapacity(letters.count)
        var index = 0
        while index < letters.count {
            if let (byte, count) = escape(letters[index...].prefix(longest).map(\.byte)) {
                let place = letters[index].place.lowerBound..<letters[index + count - 1].place.upperBound
                result.append(Letter(byte: byte, place: place))
                index += count
            } else {
                result.append(letters[index])
                index += 1
            }
        }
        return result
    }

    /// What escapes begin with, and what stands for a blank.
    private static let marks: Set<UInt8> = [0x25, 0x26, 0x2B, 0x5C]

    /// The longest escape that is read, in bytes.
    private static let longest = 12

    /// The escape that `bytes` begin with: what it stands for, and how long it is.
    private static func escape(_ bytes: [UInt8]) -> (byte: UInt8, count: Int)? {
        guard let first = bytes.first, bytes.count > 1 else { return nil }
        func number(_ start: Int, _ count: Int, _ radix: Int) -> UInt8? {
            guard count > 0, start + count <= bytes.count else { return nil }
            return UInt8(String(decoding: bytes[start..<start + count], as: UTF8.self), radix: radix)
        }
        switch first {
        case 0x25: return number(1, 2, 16).map { ($0, 3) }
        case 0x5C:
            switch bytes[1] {
            case 0x75: return number(2, 4, 16).map { ($0, 6) }
            case 0x78: return number(2, 2, 16).map { ($0, 4) }
            default: return (bytes[1], 2)
            }
        case 0x26:
            guard let end = bytes.firstIndex(of: 0x3B) else { return nil }
            let word = String(decoding: bytes[1..<end], as: UTF8.self)
            if let byte = entities[word] { return (byte, end + 1) }
            guard bytes[1] == 0x23, bytes.count > 2 else { return nil }
            let isHexadecimal = bytes[2] | 0x20 == 0x78
            let start = isHexadecimal ? 3 : 2
            return number(start, end - start, isHexadecimal ? 16 : 10).map { ($0, end + 1) }
        default: return nil
        }
    }

    private static let entities: [String: UInt8] = ["amp": 0x26, "lt": 0x3C, "gt": 0x3E, "quot": 0x22, "apos": 0x27]

    // MARK: Hashes

    /// The hash of the last so many bytes without regard to the case of letters (Karp and Rabin 1987, modulo 2⁶⁴).
    private struct Window {
        private var bytes: [UInt8]
        private var next = 0
        private var seen = 0
        private var hash: UInt64 = 0
        private let first: UInt64
        private static let base: UInt64 = 0x9E37_79B9_7F4A_7C15

        init(_ length: Int) {
            bytes = Array(repeating: 0, count: length)
            first = (0..<length).reduce(1) { power, _ in power &* Self.base }
        }

        /// Takes one more byte; gives the hash once there are enough.
        mutating func add(_ byte: UInt8) -> UInt64? {
            let byte = (0x41...0x5A).contains(byte) ? byte + 0x20 : byte
            // One is added so that zeros count.
            hash = hash &* Self.base &+ UInt64(byte) &+ 1
            if seen >= bytes.count { hash = hash &- (UInt64(bytes[next]) &+ 1) &* first }
            seen += 1
            bytes[next] = byte
            next = next + 1 == bytes.count ? 0 : next + 1
            return seen >= bytes.count ? hash : nil
        }
    }
}
