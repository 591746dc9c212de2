/// A tree whose first leaves are nearest to the root: a node holds leaves, then up to four subtrees of depth 1, then
/// of depth 2, and so on (boxo, ipld/unixfs/importer/trickle).
struct TrickleTree: Sendable {
    /// A node whose children are not all known.
    private struct Open: Sendable {
        /// The depth that its subtrees stay below; nil for the root, which has no bound.
        let bound: Int?
        var children: [DAGEntry] = []
        /// The depth of the next subtree, and how many of that depth are there.
        var depth = 1
        var count = 0

        var isFull: Bool { bound.map { depth >= $0 } ?? false }
    }

    private static let repeats = 4

    private let profile: ImportProfile
    /// From the root down to the node that takes the next leaf.
    private var open = [Open(bound: nil)]

    init(_ profile: ImportProfile) { self.profile = profile }

    mutating func append<E: Error>(_ leaf: FileLeaf, emit: (Block) throws(E) -> Void) throws(E) {
        try emit(leaf.block)
        var top = open.count - 1
        while open[top].children.count >= profile.maxFileLinks {
            if open[top].isFull {
                try close(.none, emit: emit)
                top -= 1
            } else {
                open.append(Open(bound: open[top].depth))
                top += 1
            }
        }
        open[top].children.append(DAGEntry(cid: leaf.block.cid, tsize: leaf.tsize, fileSize: leaf.fileSize))
    }

    mutating func finish<E: Error>(_ metadata: FileMetadata, emit: (Block) throws(E) -> Void) throws(E) -> DAGEntry {
        while open.count > 1 { try close(.none, emit: emit) }
        let (node, entry) = BuiltNode.file(open[0].children, metadata, profile)
        try emit(node.block)
        return entry
    }

    /// Makes a node of the innermost open one and hands it to the one above.
    private mutating func close<E: Error>(_ metadata: FileMetadata, emit: (Block) throws(E) -> Void) throws(E) {
        let done = open.removeLast()
        let (node, entry) = BuiltNode.file(done.children, metadata, profile)
        try emit(node.block)
        let top = open.count - 1
        open[top].children.append(entry)
        open[top].count += 1
        if open[top].count == Self.repeats {
            open[top].depth += 1
            open[top].count = 0
        }
    }
}
