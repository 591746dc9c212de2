internal import IPLD
public import Multiformats

/// A block that is not in the store but in somebody's file, whose bytes it is a part of.
public struct Reference: Sendable, Hashable {
    /// The block.
    public let cid: CID
    /// The absolute path of the file.
    public let path: String
    /// The offset of the block's first byte in the file.
    public let offset: UInt64
    /// The length of the block in bytes.
    public let length: Int

    /// A block that is `length` bytes from `offset` on in the file at `path`.
    public init(cid: CID, path: String, offset: UInt64, length: Int) {
        self.cid = cid
        self.path = path
        self.offset = offset
        self.length = length
    }

    /// The longest section that a reference makes in its pack, in bytes.
    static let longestSection = 16 << 10

    /// The reference as it stands in a pack: a dag-cbor list of the four parts.
    func block() throws(StoreError) -> Block {
        let node = Node.list([.link(cid), .string(path), .integer(Int128(offset)), .integer(Int128(length))])
        guard path.utf8.count < Self.longestSection / 2, let bytes = try? node.cbor() else {
            throw StoreError(.unexpected, "The path of \(path) is too long to refer to.", cid: cid)
        }
        return Block(codec: .dagCBOR, bytes: bytes)
    }

    /// Reads a reference; nil where the block is none.
    init?(_ block: Block) {
        guard block.cid.codec == .dagCBOR, (try? block.verify()) != nil, let node = try? Node(decoding: block),
            let parts = node.asList, parts.count == 4, let cid = parts[0].asLink, let path = parts[1].asString,
            let offset = parts[2].asInt, offset >= 0, let length = parts[3].asInt,
            (0...IndexEntry.longestBlock).contains(length)
        else { return nil }
        self.init(cid: cid, path: path, offset: UInt64(offset), length: length)
    }
}
