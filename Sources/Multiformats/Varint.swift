/// The unsigned varint of multiformats: 7 bits a byte, least significant first, at most 9 bytes, shortest form only.
public enum Varint {
    /// The longest varint, in bytes.
    public static let maximumLength = 9

    /// The largest value, 2⁶³ − 1.
    public static let maximum = UInt64(Int64.max)

    /// The varint of `value`, which must not be above ``maximum``.
    public static func encode(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        append(value, to: &bytes)
        return bytes
    }

    /// Appends the varint of `value`, which must not be above ``maximum``.
    public static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// The number of bytes that ``encode(_:)`` gives for `value`.
    public static func length(_ value: UInt64) -> Int {
        value == 0 ? 1 : (70 - value.leadingZeroBitCount) / 7
    }

    /// The value of a varint that fills `bytes` wholly.
    ///
    /// - Throws: `.truncated`, `.overflow`, `.notMinimal`, or `.trailingBytes` where bytes follow it.
    public static func decode(_ bytes: [UInt8]) throws(FormatProblem) -> UInt64 {
        var reader = ByteReader(bytes)
        let value = try reader.readVarint()
        guard reader.remaining == 0 else {
            throw FormatProblem(.trailingBytes, "\(reader.remaining) bytes follow the varint.")
        }
        return value
    }
}
