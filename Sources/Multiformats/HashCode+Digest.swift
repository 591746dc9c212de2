internal import Digests

extension HashCode {
    /// The usual length of a digest in bytes, which is also the longest unless ``hasAnyLength``; nil for identity and
    /// for functions that cannot be computed here.
    public var digestLength: Int? {
        switch rawValue {
        case 0x11: 20
        case 0x17, 0x1A: 28
        case 0x12, 0x16, 0x1B, 0x1E, 0x56: 32
        case 0x15, 0x1C: 48
        case 0x13, 0x14, 0x19, 0x1D: 64
        case 0x22: 8
        case 0xB201...0xB240: Int(rawValue - 0xB200)
        case 0xB241...0xB260: Int(rawValue - 0xB240)
        default: nil
        }
    }

    /// Whether a digest may be of any length: the function goes on for as long as one asks.
    public var hasAnyLength: Bool { self == .blake3 || rawValue == 0x19 }

    /// The digest of `data`, or nil where this function cannot be computed here; `length` counts only where
    /// ``hasAnyLength``.
    func digest(of data: Span<UInt8>, length: Int) -> [UInt8]? {
        switch rawValue {
        case 0x00: data.indices.map { data[$0] }
        case 0x11: Digests.digest(.sha1, of: data)
        case 0x12: Digests.digest(.sha256, of: data)
        case 0x13: Digests.digest(.sha512, of: data)
        case 0x14: Digests.digest(.sha3x512, of: data)
        case 0x15: Digests.digest(.sha3x384, of: data)
        case 0x16: Digests.digest(.sha3x256, of: data)
        case 0x17: Digests.digest(.sha3x224, of: data)
        case 0x19: Digests.shake256(data, length: length)
        case 0x1A...0x1D: Digests.keccak(data, length: digestLength ?? 0)
        case 0x1E: Digests.blake3(data, length: length)
        case 0x22: Self.bigEndian(Multiformats.murmur3x64(data))
        case 0x56: Digests.digest(.sha256, of: Digests.digest(.sha256, of: data))
        case 0xB201...0xB240: Digests.blake2b(data, length: Int(rawValue - 0xB200))
        case 0xB241...0xB260: Digests.blake2s(data, length: Int(rawValue - 0xB240))
        default: nil
        }
    }

    private static func bigEndian(_ value: UInt64) -> [UInt8] {
        stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
