/// What the bytes under a CID are: a code of the multicodec table.
public struct Codec: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The number in the multicodec table.
    public let rawValue: UInt64

    /// The codec of that number, known here or not.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Bytes without structure.
    public static let raw = Codec(rawValue: 0x55)
    /// Protocol-buffer nodes: files and directories.
    public static let dagPB = Codec(rawValue: 0x70)
    /// Deterministic CBOR with links.
    public static let dagCBOR = Codec(rawValue: 0x71)
    /// A libp2p public key: the names of IPNS.
    public static let libp2pKey = Codec(rawValue: 0x72)
    /// JSON with links.
    public static let dagJSON = Codec(rawValue: 0x0129)
    /// Plain CBOR.
    public static let cbor = Codec(rawValue: 0x51)
    /// Plain JSON.
    public static let json = Codec(rawValue: 0x0200)
    /// A content archive.
    public static let car = Codec(rawValue: 0x0202)

    /// The name in the multicodec table, or the number in hexadecimal where it is not known here.
    public var name: String { Self.names[self] ?? "0x" + String(rawValue, radix: 16) }

    /// The same as ``name``.
    public var description: String { name }

    /// The order of the numbers.
    public static func < (left: Codec, right: Codec) -> Bool { left.rawValue < right.rawValue }

    /// The codec that ``name`` gives back this text for, or nil.
    public init?(name: String) {
        guard let codec = Self.names.first(where: { $0.value == name })?.key else { return nil }
        self = codec
    }

    private static let names: [Codec: String] = [
        .raw: "raw", .dagPB: "dag-pb", .dagCBOR: "dag-cbor", .libp2pKey: "libp2p-key", .dagJSON: "dag-json",
        .cbor: "cbor", .json: "json", .car: "car", Codec(rawValue: 0x78): "git-raw",
        Codec(rawValue: 0x85): "dag-jose", Codec(rawValue: 0x0300): "ipns-record",
    ]
}
