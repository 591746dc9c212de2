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
    public var name: String { Self.names[rawValue] ?? "0x" + String(rawValue, radix: 16) }

    /// The same as ``name``.
    public var description: String { name }

    /// The order of the numbers.
    public static func < (left: Codec, right: Codec) -> Bool { left.rawValue < right.rawValue }

    /// The codec that ``name`` gives back this text for, or nil.
    public init?(name: String) {
        guard let code = Self.names.first(where: { $0.value == name })?.key else { return nil }
        self.init(rawValue: code)
    }

    /// The rows of the multicodec table that name content.
    private static let names: [UInt64: String] = [
        0x50: "protobuf", 0x51: "cbor", 0x55: "raw", 0x60: "rlp", 0x63: "bencode", 0x70: "dag-pb", 0x71: "dag-cbor",
        0x72: "libp2p-key", 0x78: "git-raw", 0x7B: "torrent-info", 0x7C: "torrent-file", 0x80: "blake3-hashseq",
        0x81: "leofcoin-block", 0x82: "leofcoin-tx", 0x83: "leofcoin-pr", 0x85: "dag-jose", 0x86: "dag-cose",
        0x90: "eth-block", 0x91: "eth-block-list", 0x92: "eth-tx-trie", 0x93: "eth-tx", 0x94: "eth-tx-receipt-trie",
        0x95: "eth-tx-receipt", 0x96: "eth-state-trie", 0x97: "eth-account-snapshot", 0x98: "eth-storage-trie",
        0x99: "eth-receipt-log-trie", 0x9A: "eth-receipt-log", 0xB0: "bitcoin-block", 0xB1: "bitcoin-tx",
        0xB2: "bitcoin-witness-commitment", 0xC0: "zcash-block", 0xC1: "zcash-tx", 0xD0: "stellar-block",
        0xD1: "stellar-tx", 0xE0: "decred-block", 0xE1: "decred-tx", 0xF0: "dash-block", 0xF1: "dash-tx",
        0xFA: "swarm-manifest", 0xFB: "swarm-feed", 0xFC: "beeson", 0x129: "dag-json", 0x1F0: "swhid-1-snp",
        0x200: "json", 0x201: "messagepack", 0x202: "car", 0x210: "x509-certificate", 0x300: "ipns-record",
        0x400: "car-index-sorted", 0x401: "car-multihash-index-sorted", 0x900: "transport-bitswap",
        0x920: "transport-ipfs-gateway-http", 0x1208: "provenance-log", 0x1209: "provenance-log-entry",
        0x120A: "provenance-log-script", 0xB403: "rdfc-1", 0xB501: "ssz", 0xB601: "json-jcs",
    ]
}
