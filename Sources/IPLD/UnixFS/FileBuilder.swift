/// Builds the tree of a file from its content or its leaves, in order, holding one unfinished node per level.
public struct FileBuilder: Sendable {
    /// The tree so far.
    private enum Tree: Sendable {
        case balanced(BalancedTree)
        case trickle(TrickleTree)
    }

    private let profile: ImportProfile
    private var tree: Tree
    /// The first leaf, as long as it is the only one: it may turn out to be the root, and carry metadata.
    private var first: FileLeaf?
    private var isEmpty = true
    /// Content that may belong to a longer chunk.
    private var uncut: [UInt8] = []

    /// Starts an empty file.
    public init(profile: ImportProfile) {
        self.profile = profile
        tree = profile.layout == .balanced ? .balanced(BalancedTree(profile)) : .trickle(TrickleTree(profile))
    }

    /// Adds content in pieces of any length, which are cut as the profile says; `emit` gets blocks as they are
    /// complete.
    ///
    /// Less than ``Chunker/longest`` bytes wait for what comes next. Use this, or leaves that were cut before.
    public mutating func append<E: Error>(content: some Sequence<UInt8>, emit: (Block) throws(E) -> Void) throws(E) {
        uncut += content
        try cut(isLast: false, emit)
    }

    private mutating func cut<E: Error>(isLast: Bool, _ emit: (Block) throws(E) -> Void) throws(E) {
        var start = 0
        defer { uncut.removeFirst(start) }
        while let length = profile.chunker.firstChunk(of: uncut.span.extracting(start...), isLast: isLast) {
            let chunk = Array(uncut[start..<start + length])
            start += length
            try append(FileLeaf(chunk, profile: profile), emit: emit)
        }
    }

    /// Adds the next leaf; `emit` gets blocks as they are complete, this one now or later.
    public mutating func append<E: Error>(_ leaf: FileLeaf, emit: (Block) throws(E) -> Void) throws(E) {
        if isEmpty {
            isEmpty = false
            first = leaf
            return
        }
        if let first = first.take() { try add(first, emit) }
        try add(leaf, emit)
    }

    /// Ends the file: `emit` gets the blocks that are left, the root last; a file without leaves gets an empty one.
    ///
    /// Metadata go to the root; where that is a raw leaf, which has no room for them, a node is put above it.
    public mutating func finish<E: Error>(
        metadata: FileMetadata = .none,
        emit: (Block) throws(E) -> Void
    ) throws(E) -> DAGEntry {
        try cut(isLast: true, emit)
        switch tree {
        case .trickle(var trickle):
            if let first { try trickle.append(first, emit: emit) }
            return try trickle.finish(metadata, emit: emit)
        case .balanced(var balanced):
            let only = isEmpty ? FileLeaf([], profile: profile) : first
            guard let only else { return try balanced.finish(metadata, emit: emit) }
            if metadata.isEmpty {
                try emit(only.block)
                return only.entry
            }
            if let root = only.carrying(metadata, profile) {
                try emit(root.block)
                return DAGEntry(cid: root.block.cid, tsize: root.tsize, fileSize: only.fileSize)
            }
            try balanced.append(only, emit: emit)
            return try balanced.finish(metadata, emit: emit)
        }
    }

    private mutating func add<E: Error>(_ leaf: FileLeaf, _ emit: (Block) throws(E) -> Void) throws(E) {
        switch tree {
        case .balanced(var balanced):
            // Without a second owner, the arrays inside are changed in place.
            tree = .trickle(TrickleTree(profile))
            defer { tree = .balanced(balanced) }
            try balanced.append(leaf, emit: emit)
        case .trickle(var trickle):
            tree = .balanced(BalancedTree(profile))
            defer { tree = .trickle(trickle) }
            try trickle.append(leaf, emit: emit)
        }
    }
}

extension BuiltNode {
    /// An inner node of a file.
    static func file(
        _ children: [DAGEntry],
        _ metadata: FileMetadata,
        _ profile: ImportProfile
    ) -> (node: BuiltNode, entry: DAGEntry) {
        let size = children.reduce(UInt64(0)) { $0 &+ $1.fileSize }
        let message = UnixFSNode(.file, fileSize: size, blockSizes: children.map(\.fileSize)).with(metadata)
        // Kubo writes the empty name of a chunk link, and so the CID depends on it.
        let links = children.map { PBLink(cid: $0.cid, name: [], tsize: $0.tsize) }
        let node = BuiltNode(PBNode(links: links, data: message.encoded()), profile)
        return (node, DAGEntry(cid: node.block.cid, tsize: node.tsize, fileSize: size))
    }
}
