/// A cursor over bytes that come from outside: every read is checked against what is really there.
public struct ByteReader: Sendable {
    /// The bytes that are read.
    public let bytes: [UInt8]

    /// The index of the next byte.
    public private(set) var offset: Int

    /// The index after the last byte that may be read.
    public let end: Int

    /// Starts at the first byte.
    public init(_ bytes: [UInt8]) {
        self.init(bytes, range: 0..<bytes.count)
    }

    /// Reads only the bytes in `range`, which is cut to the bytes there are.
    public init(_ bytes: [UInt8], range: Range<Int>) {
        let range = range.clamped(to: 0..<bytes.count)
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    /// The number of bytes not read yet.
    public var remaining: Int { end - offset }

    /// The byte at `distance` from the cursor, or nil where the input ends before it.
    public func peek(_ distance: Int = 0) -> UInt8? {
        distance >= 0 && distance < remaining ? bytes[offset + distance] : nil
    }

    /// Takes one byte; throws `.truncated` at the end.
    public mutating func readByte() throws(FormatProblem) -> UInt8 {
        guard offset < end else { throw FormatProblem(.truncated, "The input ends where one more byte is due.") }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// Takes `count` bytes; throws `.truncated` where fewer are left, before anything is allocated.
    public mutating func read(count: UInt64) throws(FormatProblem) -> ArraySlice<UInt8> {
        guard count <= UInt64(remaining) else {
            throw FormatProblem(.truncated, "The input has \(remaining) bytes left where \(count) are due.")
        }
        defer { offset += Int(count) }
        return bytes[offset..<(offset + Int(count))]
    }

    /// Takes an unsigned varint; see ``Varint``.
    public mutating func readVarint() throws(FormatProblem) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<Varint.maximumLength {
            let byte = try readByte()
            value |= UInt64(byte & 0x7F) << UInt64(7 * index)
            if byte & 0x80 == 0 {
                guard byte != 0 || index == 0 else {
                    throw FormatProblem(.notMinimal, "A varint is longer than its value needs.")
                }
                return value
            }
        }
        throw FormatProblem(.overflow, "A varint is longer than 9 bytes.")
    }
}
