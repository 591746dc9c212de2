/// The first bytes of a CBOR item: its major type and the number that belongs to it (RFC 8949 §3).
package struct CBORHead {
    let major: UInt8
    let info: UInt8
    let argument: UInt64

    /// Appends the head of an item in its shortest form.
    ///
    /// For who writes so many values that a ``Node`` of each costs too much: a number is major type 0, bytes are 2,
    /// text is 3, a list is 4, and a map 5, whose keys stand in the order of their lengths and then of their bytes.
    package static func append(major: UInt8, _ argument: UInt64, to bytes: inout [UInt8]) {
        let top = major << 5
        switch argument {
        case 0..<24: bytes.append(top | UInt8(argument))
        case 24..<0x100:
            bytes.append(top | 24)
            bytes.append(UInt8(argument))
        case 0x100..<0x1_0000:
            bytes.append(top | 25)
            append(argument, width: 2, to: &bytes)
        case 0x1_0000..<0x1_0000_0000:
            bytes.append(top | 26)
            append(argument, width: 4, to: &bytes)
        default:
            bytes.append(top | 27)
            append(argument, width: 8, to: &bytes)
        }
    }

    /// Appends the lowest bytes of a number, the highest of them first.
    static func append(_ value: UInt64, width: Int, to bytes: inout [UInt8]) {
        for index in (0..<width).reversed() {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index)))
        }
    }
}

extension WireReader {
    /// Takes a head of definite length; `strict` refuses numbers that are longer than they need to be.
    mutating func head(strict: Bool) throws(DecodingProblem) -> CBORHead {
        let first = try byte()
        let major = first >> 5
        let info = first & 0x1F
        switch info {
        case 0..<24:
            return CBORHead(major: major, info: info, argument: UInt64(info))
        case 24...27:
            let argument = try bigEndian(1 << Int(info - 24))
            // The number after major type 7 is a float or a simple value, for which "shortest" has no meaning.
            let least: UInt64 = info == 24 ? 24 : 1 << (4 << UInt64(info - 24))
            guard !strict || major == 7 || argument >= least else {
                throw DecodingProblem(.malformed, "A dag-cbor number is not in its shortest form.")
            }
            return CBORHead(major: major, info: info, argument: argument)
        default:
            throw DecodingProblem(.malformed, "A dag-cbor item has an indefinite or reserved length.")
        }
    }

    /// Takes what follows the head of a link (tag 42).
    mutating func linkPayload(strict: Bool) throws(DecodingProblem) -> Range<Int> {
        let head = try head(strict: strict)
        guard head.major == 2 else { throw DecodingProblem(.malformed, "A dag-cbor link holds no byte string.") }
        let range = try take(head.argument)
        guard let first = range.first, bytes[first] == 0 else {
            throw DecodingProblem(.malformed, "A dag-cbor link does not begin with a zero byte.")
        }
        return range.dropFirst()
    }
}
