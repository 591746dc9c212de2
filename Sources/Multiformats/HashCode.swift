/// Which hash function a multihash names: a code of the multihash table.
public struct HashCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number in the multicodec table.
    public let rawValue: UInt64

    /// The function of that number, known here or not.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The "digest" is the content itself.
    public static let identity = HashCode(rawValue: 0x00)
    /// SHA2-256.
    public static let sha256 = HashCode(rawValue: 0x12)

    /// The name in the multicodec table, or the number in hexadecimal where it is not known here.
    public var name: String {
        switch rawValue {
        case 0xB201...0xB240: "blake2b-\((rawValue - 0xB200) * 8)"
        case 0xB241...0xB260: "blake2s-\((rawValue - 0xB240) * 8)"
        default: Self.names[rawValue] ?? "0x" + String(rawValue, radix: 16)
        }
    }

    /// The same as ``name``.
    public var description: String { name }

    /// Whether content from outside may be addressed by this function: Kubo's list of functions without known weakness.
    public var isAllowed: Bool {
        switch rawValue {
        case 0xB214...0xB240, 0xB254...0xB260: true
        default: Self.names[rawValue] != nil && rawValue != 0x22
        }
    }

    private static let names: [UInt64: String] = [
        0x00: "identity", 0x11: "sha1", 0x12: "sha2-256", 0x13: "sha2-512", 0x14: "sha3-512", 0x15: "sha3-384",
        0x16: "sha3-256", 0x17: "sha3-224", 0x19: "shake-256", 0x1A: "keccak-224", 0x1B: "keccak-256",
        0x1C: "keccak-384", 0x1D: "keccak-512", 0x1E: "blake3", 0x22: "murmur3-x64-64", 0x56: "dbl-sha2-256",
    ]
}
