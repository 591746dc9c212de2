/// Which hash function a multihash names: a code of the multihash table.
public struct HashCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number in the multicodec table.
    public let rawValue: UInt64

    /// The function of that number, known here or not.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The "digest" is the content itself.
    public static let identity = HashCode(rawValue: 0x00)
    /// SHA-1, which is read for old data.
    public static let sha1 = HashCode(rawValue: 0x11)
    /// SHA2-256.
    public static let sha256 = HashCode(rawValue: 0x12)
    /// SHA2-512.
    public static let sha512 = HashCode(rawValue: 0x13)
    /// BLAKE3.
    public static let blake3 = HashCode(rawValue: 0x1E)
    /// The upper half of MurmurHash3, which finds the place of a name in a sharded directory.
    public static let murmur3x64 = HashCode(rawValue: 0x22)

    /// BLAKE2b with a digest of `length` bytes, 1 … 64.
    public static func blake2b(length: Int) -> HashCode { HashCode(rawValue: 0xB200 + UInt64(length)) }

    /// BLAKE2s with a digest of `length` bytes, 1 … 32.
    public static func blake2s(length: Int) -> HashCode { HashCode(rawValue: 0xB240 + UInt64(length)) }

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

    /// The function that ``name`` gives back this text for, or nil.
    public init?(name: String) {
        guard let code = Self.codes[name] else { return nil }
        self.init(rawValue: code)
    }

    /// Whether content from outside may be addressed by this function: Kubo's list of functions without known weakness.
    public var isAllowed: Bool {
        switch rawValue {
        case 0xB214...0xB240, 0xB254...0xB260: true
        default: Self.names[rawValue] != nil && self != .murmur3x64
        }
    }

    private static let names: [UInt64: String] = [
        0x00: "identity", 0x11: "sha1", 0x12: "sha2-256", 0x13: "sha2-512", 0x14: "sha3-512", 0x15: "sha3-384",
        0x16: "sha3-256", 0x17: "sha3-224", 0x19: "shake-256", 0x1A: "keccak-224", 0x1B: "keccak-256",
        0x1C: "keccak-384", 0x1D: "keccak-512", 0x1E: "blake3", 0x22: "murmur3-x64-64", 0x56: "dbl-sha2-256",
    ]

    private static let codes: [String: UInt64] = {
        let blake = (0xB201...0xB260).map { HashCode(rawValue: $0) }
        return Dictionary(
            names.map { ($0.value, $0.key) } + blake.map { ($0.name, $0.rawValue) },
            uniquingKeysWith: { first, _ in first }
        )
    }()
}
