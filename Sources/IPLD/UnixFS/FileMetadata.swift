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
