/// A tree with all leaves at one depth.
struct BalancedTree: Sendable {
    private let profile: ImportProfile
    /// The finished children of the unfinished node of each level, leaves first.
    private var levels: [[DAGEntry]] = [[]]

    init(_ profile: ImportProfile) { self.profile = profile }

    mutating func append<E: Error>(_ leaf: FileLeaf, emit: (Block) throws(E) -> Void) throws(E) {
        try emit(leaf.block)
        levels[0].append(DAGEntry(cid: leaf.block.cid, tsize: leaf.tsize, fileSize: leaf.fileSize))
        try closeFull(from: 0, emit: emit)
    }

    /// Closes what is open, level by level; the node that nothing stands beside is the root.
    mutating func finish<E: Error>(_ metadata: FileMetadata, emit: (Block) throws(E) -> Void) throws(E) -> DAGEntry {
        var level = 0
        while level < levels.count - 1 {
            try close(level, .none, emit: emit)
            level += 1
            try closeFull(from: level, emit: emit)
        }
        try close(level, metadata, emit: emit)
        return levels[level + 1][0]
    }

    /// Closes nodes that have one child too many, which shows that they are not the root: it alone carries metadata.
    private mutating func closeFull<E: Error>(from start: Int, emit: (Block) throws(E) -> Void) throws(E) {
        var level = start
        while levels[level].count > profile.maxFileLinks {
            let last = levels[level].removeLast()
            try close(level, .none, emit: emit)
            levels[level].append(last)
            level += 1
        }
    }

    /// Makes a node of the children at `level` and hands it to the level above.
    private mutating func close<E: Error>(
        _ level: Int,
        _ metadata: FileMetadata,
        emit: (Block) throws(E) -> Void
    ) throws(E) {
        let (node, entry) = BuiltNode.file(levels[level], metadata, profile)
        try emit(node.block)
        levels[level].removeAll(keepingCapacity: true)
        if level + 1 == levels.count { levels.append([]) }
        levels[level + 1].append(entry)
    }
}
