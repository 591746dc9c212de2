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

/// One entry of a directory.
public struct DirectoryEntry: Sendable, Hashable {
    /// The name, which is not always valid UTF-8.
    public let name: [UInt8]

    /// What it points to.
    public let cid: CID

    /// The size of everything below in bytes as the writer claimed it, or nil.
    public let tsize: UInt64?

    /// The entries of a basic directory as stored; of two with one name only the first is given.
    ///
    /// - Throws: `.unsupported` for a sharded directory, `.wrongKind` for anything else, `.malformed`, `.truncated`.
    public static func list(_ block: Block) throws(DecodingProblem) -> [DirectoryEntry] {
        switch try UnixFSEntry(block) {
        case .directory: break
        case .shardedDirectory:
            throw DecodingProblem(.unsupported, "Sharded directories (HAMT) cannot be read yet.", cid: block.cid)
        default: throw DecodingProblem(.wrongKind, "The block is no directory.", cid: block.cid)
        }
        let node = try about(block.cid) { () throws(DecodingProblem) in try PBNode(block.bytes) }
        var names: Set<[UInt8]> = []
        return node.links.compactMap { link in
            let name = link.name ?? []
            guard names.insert(name).inserted else { return nil }
            return DirectoryEntry(name: name, cid: link.cid, tsize: link.tsize)
        }
    }
}
