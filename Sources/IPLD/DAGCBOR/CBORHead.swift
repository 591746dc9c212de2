/// The first bytes of a CBOR item: its major type and the number that belongs to it (RFC 8949 §3).
struct CBORHead {
    let major: UInt8
    let info: UInt8
    let argument: UInt64
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
