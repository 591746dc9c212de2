public import Multiformats

/// A finished file, directory or symlink, as a directory above it needs to know it.
public struct DAGEntry: Sendable, Hashable {
    /// Its root.
    public let cid: CID

    /// The length of all its blocks in bytes, repeats counted.
    public let tsize: UInt64

    /// The bytes of content of a file; 0 for anything else.
    public let fileSize: UInt64

    /// An entry from its parts.
    public init(cid: CID, tsize: UInt64, fileSize: UInt64 = 0) {
        self.cid = cid
        self.tsize = tsize
        self.fileSize = fileSize
    }
}

/// A block that is the root of a finished directory or symlink.
public struct BuiltNode: Sendable, Hashable {
    /// The block.
    public let block: Block

    /// The length of this block and all below it in bytes, repeats counted.
    public let tsize: UInt64

    /// The same as an entry of a directory.
    public var entry: DAGEntry { DAGEntry(cid: block.cid, tsize: tsize) }

    /// Encodes a node and names it as the profile wants.
    init(_ node: PBNode, _ profile: ImportProfile) {
        let bytes = node.encoded()
        block = Block(codec: .dagPB, format: profile.cids, bytes: bytes)
        tsize = node.links.reduce(UInt64(bytes.count)) { $0 &+ ($1.tsize ?? 0) }
    }
}
