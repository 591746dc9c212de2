internal import Multiformats

/// What is kept of a file or directory beside its content: permissions and the time of the last change.
public struct FileMetadata: Sendable, Hashable {
    /// The permissions, 12 bits; nil where they are not kept.
    public let mode: UInt32?

    /// The time of the last change; nil where it is not kept.
    public let modified: UnixFSNode.Time?

    /// Nothing is kept.
    public static let none = FileMetadata()

    /// Metadata from its parts; no permissions at all, and the very second of 1970, count as absent, as in Kubo.
    public init(mode: UInt32? = nil, modified: UnixFSNode.Time? = nil) {
        let bits = (mode ?? 0) & 0o7777
        self.mode = bits == 0 ? nil : bits
        self.modified = modified == UnixFSNode.Time(seconds: 0) ? nil : modified
    }

    /// What the root block of a file, directory or symbolic link says; other codecs say nothing.
    ///
    /// - Throws: `.malformed`, `.truncated`, `.wrongKind` for a block that is no UnixFS.
    public init(of block: Block) throws(DecodingProblem) {
        self.init()
        guard block.cid.codec == .dagPB else { return }
        self = try about(block.cid) { () throws(DecodingProblem) in
            guard let message = try PBNode.read(block.bytes, onLink: { (_) throws(DecodingProblem) in }) else {
                throw DecodingProblem(.wrongKind, "The dag-pb block holds no UnixFS.")
            }
            let (node, _) = try UnixFSNode.read(block.bytes, message)
            return FileMetadata(mode: node.mode, modified: node.modified)
        }
    }

    /// Whether nothing is kept.
    public var isEmpty: Bool { mode == nil && modified == nil }
}

extension UnixFSNode {
    /// The same node with metadata.
    func with(_ metadata: FileMetadata) -> UnixFSNode {
        var node = self
        node.mode = metadata.mode
        node.modified = metadata.modified
        return node
    }
}
