/// A cursor over the bytes of a block, for the decoders of this module; every read is checked against `end`.
struct WireReader {
    let bytes: [UInt8]
    private(set) var offset: Int
    let end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>? = nil) {
        self.bytes = bytes
        offset = range?.lowerBound ?? 0
        end = range?.upperBound ?? bytes.count
    }

    var isAtEnd: Bool { offset == end }
    var remaining: Int { end - offset }

    mutating func byte() throws(DecodingProblem) -> UInt8 {
        guard offset < end else { throw DecodingProblem(.truncated, "The block ends inside a value.") }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// Takes `count` bytes and says where they are; throws `.truncated` where fewer are left.
    mutating func take(_ count: UInt64) throws(DecodingProblem) -> Range<Int> {
        guard count <= UInt64(remaining) else {
            throw DecodingProblem(.truncated, "A value of \(count) bytes is cut off after \(remaining).")
        }
        defer { offset += Int(count) }
        return offset..<(offset + Int(count))
    }

    /// Takes a big-endian number of `count` bytes, at most 8.
    mutating func bigEndian(_ count: Int) throws(DecodingProblem) -> UInt64 {
        var value: UInt64 = 0
        for index in try take(UInt64(count)) { value = value << 8 | UInt64(bytes[index]) }
        return value
    }

    /// Takes a protocol-buffer varint: at most 10 bytes and 64 bits, longer forms than needed are read.
    mutating func protobufVarint() throws(DecodingProblem) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            let byte = try byte()
            guard shift < 63 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw DecodingProblem(.malformed, "A protocol-buffer number does not fit 64 bits.")
    }

    /// Takes a field key: its number and its wire type.
    mutating func protobufKey() throws(DecodingProblem) -> (field: UInt64, wire: UInt64) {
        let key = try protobufVarint()
        return (key >> 3, key & 7)
    }

    /// Takes a length-delimited value and says where it is.
    mutating func protobufBytes() throws(DecodingProblem) -> Range<Int> {
        try take(try protobufVarint())
    }

    /// Passes over a value of wire type `wire`.
    mutating func skip(wire: UInt64) throws(DecodingProblem) {
        switch wire {
        case 0: _ = try protobufVarint()
        case 1: _ = try take(8)
        case 2: _ = try protobufBytes()
        case 5: _ = try take(4)
        default: throw DecodingProblem(.malformed, "A protocol-buffer field has wire type \(wire), which is not read.")
        }
    }
}

/// Appends a protocol-buffer varint of up to 64 bits.
func appendProtobuf(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    while rest >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
}

/// Appends a field key byte, a length and the bytes.
func appendProtobuf(key: UInt8, _ value: some Collection<UInt8>, to bytes: inout [UInt8]) {
    bytes.append(key)
    appendProtobuf(UInt64(value.count), to: &bytes)
    bytes.append(contentsOf: value)
}

/// The number of bytes that a protocol-buffer varint of `value` takes.
func protobufLength(_ value: UInt64) -> Int {
    value == 0 ? 1 : (70 - value.leadingZeroBitCount) / 7
}
