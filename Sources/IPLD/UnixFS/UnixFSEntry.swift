public import Multiformats

/// What a block is to somebody who looks for files.
public enum UnixFSEntry: Sendable, Hashable {
    /// A file of that many bytes, in dag-pb.
    case file(size: UInt64)
    /// A basic directory.
    case directory
    /// A sharded directory (HAMT), whose entries are not read yet.
    case shardedDirectory
    /// A symbolic link.
    case symlink(target: [UInt8])
    /// A raw block: a file of that many bytes.
    case raw(size: UInt64)
    /// Something that is no UnixFS.
    case other(Codec)

    /// Says what a block is; throws `.malformed` for a dag-pb block that cannot be read.
    public init(_ block: Block) throws(DecodingProblem) {
        self = try about(block.cid) { () throws(DecodingProblem) in try Self.classify(block) }
    }

    private static func classify(_ block: Block) throws(DecodingProblem) -> UnixFSEntry {
        guard block.cid.codec != .raw else { return .raw(size: UInt64(block.bytes.count)) }
        guard block.cid.codec == .dagPB else { return .other(block.cid.codec) }
        let bytes = block.bytes
        guard let message = try PBNode.read(bytes, onLink: { (_) throws(DecodingProblem) in }) else {
            return .other(.dagPB)
        }
        let (node, data) = try UnixFSNode.read(bytes, message)
        switch node.kind {
        case .file, .raw: return .file(size: node.fileSize ?? UInt64(data?.count ?? 0))
        case .directory: return .directory
        case .shard: return .shardedDirectory
        case .symlink: return .symlink(target: data.map { Array(bytes[$0]) } ?? [])
        case .metadata: return .other(.dagPB)
        }
    }
}
