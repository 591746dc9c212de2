/// Builds the balanced tree of a file from its leaves, in order, holding one unfinished node per level.
public struct FileBuilder: Sendable {
    private let profile: ImportProfile
    /// The finished children of the unfinished node of each level, leaves first.
    private var levels: [[DAGEntry]] = [[]]

    /// Starts an empty file.
    public init(profile: ImportProfile) { self.profile = profile }

    /// The leaf of one chunk, as ``ImportProfile/chunker`` cut it.
    public static func leaf(_ chunk: [UInt8], profile: ImportProfile) -> FileLeaf {
        FileLeaf(chunk, profile: profile)
    }

    /// Adds the next leaf; `emit` gets its block and every inner node that it completes.
    public mutating func append<E: Error>(_ leaf: FileLeaf, emit: (Block) throws(E) -> Void) throws(E) {
        try emit(leaf.block)
        levels[0].append(DAGEntry(cid: leaf.block.cid, tsize: leaf.tsize, fileSize: leaf.fileSize))
        var level = 0
        while levels[level].count == profile.maxFileLinks {
            try close(level, emit: emit)
            level += 1
        }
    }

    /// Ends the file: `emit` gets the blocks that are left, the root last; a file without leaves gets an empty one.
    public mutating func finish<E: Error>(emit: (Block) throws(E) -> Void) throws(E) -> DAGEntry {
        if levels.allSatisfy(\.isEmpty) { try append(FileLeaf([], profile: profile), emit: emit) }
        var level = 0
        while true {
            let isTop = level == levels.count - 1
            if isTop, levels[level].count == 1 {
                defer { levels = [[]] }
                return levels[level][0]
            }
            if !levels[level].isEmpty { try close(level, emit: emit) }
            level += 1
        }
    }

    /// Makes a node of the children at `level` and hands it to the level above.
    private mutating func close<E: Error>(_ level: Int, emit: (Block) throws(E) -> Void) throws(E) {
        let children = levels[level]
        let fileSize = children.reduce(UInt64(0)) { $0 &+ $1.fileSize }
        let message = UnixFSNode(.file, fileSize: fileSize, blockSizes: children.map(\.fileSize))
        // Kubo writes the empty name of a chunk link, and so the CID depends on it.
        let links = children.map { PBLink(cid: $0.cid, name: [], tsize: $0.tsize) }
        let node = BuiltNode(PBNode(links: links, data: message.encoded()), profile)
        try emit(node.block)
        levels[level].removeAll(keepingCapacity: true)
        if level + 1 == levels.count { levels.append([]) }
        levels[level + 1].append(DAGEntry(cid: node.block.cid, tsize: node.tsize, fileSize: fileSize))
    }
}
