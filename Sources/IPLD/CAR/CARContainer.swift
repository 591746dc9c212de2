/// What stands before the payload of a CARv2 (the CARv2 specification, "CARv2 Header"): where payload and index are.
public struct CARContainer: Sendable, Hashable {
    /// The eleven bytes that a CARv2 begins with: a CARv1 header that says version 2.
    public static let pragma: [UInt8] = [0x0A, 0xA1, 0x67] + Array("version".utf8) + [0x02]

    /// The length of the pragma and the header after it, in bytes.
    public static let length = 51

    /// The bits that say what is special about the archive; of all of them one has a meaning, see ``isFullyIndexed``.
    public let characteristics: UInt128

    /// Whether the index lists every section, those of identity CIDs too.
    public var isFullyIndexed: Bool { characteristics & Self.fullyIndexed != 0 }

    /// The bit that stands first in the file.
    private static let fullyIndexed: UInt128 = 1 << 127

    /// Where the payload, a CARv1, begins.
    public let dataOffset: UInt64

    /// The length of the payload in bytes.
    public let dataSize: UInt64

    /// Where the index begins; 0 where there is none.
    public let indexOffset: UInt64

    /// Where the payload ends.
    public var dataEnd: UInt64 { dataOffset + dataSize }

    /// A header for a payload of `dataSize` bytes that follows at once, and an index right after it if there is one.
    public init(dataSize: UInt64, hasIndex: Bool, isFullyIndexed: Bool = false) {
        characteristics = isFullyIndexed ? Self.fullyIndexed : 0
        dataOffset = UInt64(Self.length)
        self.dataSize = dataSize
        indexOffset = hasIndex ? UInt64(Self.length) + dataSize : 0
    }

    /// Decodes the 40 bytes after the pragma.
    ///
    /// - Throws: `.truncated`; `.malformed` for offsets that overlap, overflow or lead into the header.
    public init(_ bytes: [UInt8]) throws(DecodingProblem) {
        guard bytes.count == Self.length - Self.pragma.count else {
            throw DecodingProblem(.truncated, "The header of a CARv2 has 40 bytes, not \(bytes.count).")
        }
        characteristics = bytes[..<16].reduce(0) { $0 << 8 | UInt128($1) }
        dataOffset = littleEndian(bytes[16..<24])
        dataSize = littleEndian(bytes[24..<32])
        indexOffset = littleEndian(bytes[32..<40])
        let (end, overflow) = dataOffset.addingReportingOverflow(dataSize)
        guard dataOffset >= UInt64(Self.length), !overflow, end <= UInt64(Int64.max) else {
            throw DecodingProblem(.malformed, "The payload of the CARv2 would lie outside every file.")
        }
        guard indexOffset == 0 || indexOffset >= end else {
            throw DecodingProblem(.malformed, "The index of the CARv2 begins inside its payload.")
        }
    }

    /// What the header says that cannot be so; nil where it says nothing of the kind.
    var contradiction: DecodingProblem? {
        if characteristics & ~Self.fullyIndexed != 0 {
            return DecodingProblem(.malformed, "The header of the CARv2 has characteristics that do not exist.")
        }
        guard isFullyIndexed, indexOffset == 0 else { return nil }
        return DecodingProblem(
            .malformed,
            "The header of the CARv2 says that its index is complete, and that it has none."
        )
    }

    /// The pragma and the header.
    public var encoded: [UInt8] {
        var bytes = Self.pragma
        for index in (0..<16).reversed() {
            bytes.append(UInt8(truncatingIfNeeded: characteristics >> UInt128(8 * index)))
        }
        for value in [dataOffset, dataSize, indexOffset] { appendLittleEndian(value, 8, to: &bytes) }
        return bytes
    }
}

/// The number that bytes stand for, least significant first.
func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
}

/// Appends the lowest `count` bytes of a number, least significant first.
func appendLittleEndian(_ value: UInt64, _ count: Int, to bytes: inout [UInt8]) {
    for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
}
