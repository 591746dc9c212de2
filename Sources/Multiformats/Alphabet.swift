/// The digits of a base, and the two ways to use them: groups of bits (RFC 4648) or one large number.
struct Alphabet: Sendable {
    /// The bits that one digit stands for, or 0 for a base that is no power of two.
    let bits: Int

    private let digits: [UInt8]
    private let values: [UInt8]
    private let padding: Int
    private static let none: UInt8 = 0xFF
    private static let equalsSign: UInt8 = 0x3D

    /// - Parameters:
    ///   - digits: ASCII, in the order of their values.
    ///   - bits: the bits of a digit, or 0 for a positional base.
    ///   - padding: the multiple of digits that "=" fills up to, or 0 for none.
    ///   - anyCase: whether both cases of a letter are read.
    init(_ digits: String, bits: Int = 0, padding: Int = 0, anyCase: Bool = false) {
        self.digits = Array(digits.utf8)
        self.bits = bits
        self.padding = padding
        var values = [UInt8](repeating: Self.none, count: 256)
        for (value, digit) in self.digits.enumerated() {
            values[Int(digit)] = UInt8(value)
            let isLetter = (0x41...0x5A).contains(digit & 0xDF)
            if anyCase && isLetter { values[Int(digit ^ 0x20)] = UInt8(value) }
        }
        self.values = values
    }

    /// Writes groups of ``bits`` bits, the last one filled with zero bits.
    func groupedDigits(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 8 + bits - 1) / bits + padding)
        appendGroupedDigits(bytes, to: &text)
        while padding > 0 && !text.count.isMultiple(of: padding) { text.append(Self.equalsSign) }
        return text
    }

    /// Appends the same without what fills it up.
    func appendGroupedDigits(_ bytes: [UInt8], to text: inout [UInt8]) {
        var buffer: UInt32 = 0
        var held = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            held += 8
            while held >= bits {
                held -= bits
                text.append(digits[Int(buffer >> UInt32(held)) & (digits.count - 1)])
            }
        }
        if held > 0 { text.append(digits[Int(buffer << UInt32(bits - held)) & (digits.count - 1)]) }
    }

    /// Reads what ``groupedDigits(_:)`` writes, and nothing else.
    func groupedBytes(_ text: [UInt8]) throws(FormatProblem) -> [UInt8] {
        let end = try endOfDigits(text)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(end * bits / 8)
        var buffer: UInt32 = 0
        var held = 0
        for digit in text[..<end] {
            buffer = buffer << UInt32(bits) | UInt32(try value(of: digit))
            held += bits
            if held >= 8 {
                held -= 8
                bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(held)))
                buffer &= (1 << UInt32(held)) - 1
            }
        }
        guard held < bits, buffer == 0 else {
            throw FormatProblem(.badPadding, "The last characters of the text stand for no whole byte.")
        }
        return bytes
    }

    /// Writes one large number, each leading zero byte as a leading zero digit.
    func positionalDigits(_ bytes: [UInt8]) -> [UInt8] {
        let zeros = bytes.prefix { $0 == 0 }.count
        let number = Self.convert(bytes.dropFirst(zeros), from: 256, to: UInt32(digits.count))
        return [UInt8](repeating: digits[0], count: zeros) + number.map { digits[Int($0)] }
    }

    /// Reads what ``positionalDigits(_:)`` writes.
    func positionalBytes(_ text: [UInt8]) throws(FormatProblem) -> [UInt8] {
        var number: [UInt8] = []
        number.reserveCapacity(text.count)
        for digit in text { number.append(try value(of: digit)) }
        let zeros = number.prefix { $0 == 0 }.count
        let bytes = Self.convert(number.dropFirst(zeros), from: UInt32(digits.count), to: 256)
        return [UInt8](repeating: 0, count: zeros) + bytes
    }

    /// The same number in another base, most significant digit first in both, without leading zeros.
    private static func convert(_ number: ArraySlice<UInt8>, from: UInt32, to base: UInt32) -> [UInt8] {
        var result: [UInt8] = []
        for digit in number {
            var carry = UInt32(digit)
            for index in result.indices {
                carry += UInt32(result[index]) * from
                result[index] = UInt8(truncatingIfNeeded: carry % base)
                carry /= base
            }
            while carry > 0 {
                result.append(UInt8(truncatingIfNeeded: carry % base))
                carry /= base
            }
        }
        return result.reversed()
    }

    private func value(of digit: UInt8) throws(FormatProblem) -> UInt8 {
        let value = values[Int(digit)]
        guard value != Self.none else {
            throw FormatProblem(.badCharacter, "The text has a character that its base does not know.")
        }
        return value
    }

    /// Where the digits end and the "=" characters begin; throws where their number is not the one that must be.
    private func endOfDigits(_ text: [UInt8]) throws(FormatProblem) -> Int {
        guard padding > 0 else { return text.count }
        let end = text.firstIndex(of: Self.equalsSign) ?? text.count
        let due = (padding - end % padding) % padding
        guard text.count - end == due, text[end...].allSatisfy({ $0 == Self.equalsSign }) else {
            throw FormatProblem(.badPadding, "The text is not filled up with \"=\" as its base wants it.")
        }
        return end
    }
}
