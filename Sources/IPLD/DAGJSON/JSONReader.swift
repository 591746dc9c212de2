/// A cursor over JSON text (RFC 8259) that takes its smallest parts.
struct JSONReader {
    let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next byte that is no white space, or nil at the end; it is not taken.
    mutating func peek() -> UInt8? {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return bytes[offset]
            }
        }
        return nil
    }

    /// Takes a character, after white space.
    mutating func take(_ character: UInt8) throws(DecodingProblem) {
        guard peek() == character else {
            throw malformed("has no \"\(String(decoding: [character], as: UTF8.self))\" where one is due")
        }
        offset += 1
    }

    /// Takes a word such as `true`.
    mutating func take(_ word: String) throws(DecodingProblem) {
        guard bytes[offset...].starts(with: word.utf8) else { throw malformed("has an unknown word") }
        offset += word.utf8.count
    }

    /// Takes a number and says whether it is written as a float.
    mutating func number() throws(DecodingProblem) -> (text: String, isFloat: Bool) {
        let start = offset
        var isFloat = false
        if byte == UInt8(ascii: "-") { offset += 1 }
        let digits = try digits()
        guard digits == 1 || bytes[offset - digits] != UInt8(ascii: "0") else {
            throw malformed("has a number with a leading zero")
        }
        if byte == UInt8(ascii: ".") {
            isFloat = true
            offset += 1
            _ = try self.digits()
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            isFloat = true
            offset += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { offset += 1 }
            _ = try self.digits()
        }
        return (String(decoding: bytes[start..<offset], as: UTF8.self), isFloat)
    }

    /// Takes a string with its quotes.
    mutating func string() throws(DecodingProblem) -> String {
        try take(UInt8(ascii: "\""))
        var text: [UInt8] = []
        while true {
            let start = offset
            while offset < bytes.count, bytes[offset] >= 0x20, bytes[offset] != UInt8(ascii: "\""),
                bytes[offset] != UInt8(ascii: "\\")
            { offset += 1 }
            text += bytes[start..<offset]
            guard let byte, byte >= 0x20 else { throw malformed("has a string that does not end") }
            offset += 1
            if byte == UInt8(ascii: "\"") { break }
            try escape(&text)
        }
        guard let valid = String(validating: text, as: UTF8.self) else {
            throw malformed("has a string that is not valid UTF-8")
        }
        return valid
    }

    func malformed(_ what: String) -> DecodingProblem {
        DecodingProblem(.malformed, "The JSON text \(what), near byte \(offset).")
    }

    private var byte: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func digits() throws(DecodingProblem) -> Int {
        let start = offset
        while let byte, (0x30...0x39).contains(byte) { offset += 1 }
        guard offset > start else { throw malformed("has a number without digits") }
        return offset - start
    }

    private mutating func escape(_ text: inout [UInt8]) throws(DecodingProblem) {
        guard let byte else { throw malformed("has a string that does not end") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += try codePoint()
        default: throw malformed("has an unknown escape")
        }
    }

    private mutating func codePoint() throws(DecodingProblem) -> String.UTF8View {
        var value = try unit()
        if (0xD800..<0xDC00).contains(value), bytes[offset...].starts(with: #"\u"#.utf8) {
            offset += 2
            let low = try unit()
            guard (0xDC00..<0xE000).contains(low) else { throw malformed("has half a character") }
            value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(value) else { throw malformed("has half a character") }
        return String(Character(scalar)).utf8
    }

    private mutating func unit() throws(DecodingProblem) -> UInt32 {
        guard bytes.count - offset >= 4,
            let value = UInt32(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16),
            bytes[offset] != UInt8(ascii: "+"), bytes[offset] != UInt8(ascii: "-")
        else { throw malformed("has an escape without four digits") }
        offset += 4
        return value
    }
}
