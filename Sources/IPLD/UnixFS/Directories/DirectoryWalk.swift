public import Multiformats

/// Lists a directory out of its blocks, basic or sharded, without doing any input itself.
///
/// ``next()`` says which block is needed, or gives the next entry; ``supply(_:)`` hands a block in. Entries come in the
/// order of the blocks: sorted by name in a basic directory as a rule, by the hash of the name in a sharded one. A
/// block may have several entries of one name, and all of them are given.
public struct DirectoryWalk: Sendable {
    /// What is to be done next.
    public enum Step: Sendable, Hashable {
        /// Get this block and give it to ``DirectoryWalk/supply(_:)``.
        case need(CID)
        /// The next entry.
        case entry(DirectoryEntry)
    }

    private enum Item {
        case entry(DirectoryEntry)
        /// A shard, and the first bits of the hashes of all names in it.
        case shard(CID, level: Int, path: UInt64)
    }

    /// What is still to come, the next item last.
    private var items: [Item] = []
    private var form: ShardForm?

    /// Starts at the root of a directory.
    ///
    /// - Throws: `.wrongKind` where the block is no directory; `.malformed`, `.truncated`.
    public init(root: Block) throws(DecodingProblem) {
        guard root.cid.codec == .dagPB else {
            throw DecodingProblem(.wrongKind, "A \(root.cid.codec) block is no directory.", cid: root.cid)
        }
        let (node, message) = try Self.read(root)
        switch message.kind {
        case .directory:
            items = node.links.reversed().map { link in
                .entry(DirectoryEntry(name: link.name ?? [], cid: link.cid, tsize: link.tsize))
            }
        case .shard: try open(root, node, message, level: 0, path: 0)
        default: throw DecodingProblem(.wrongKind, "The block is a \(message.kind), not a directory.", cid: root.cid)
        }
    }

    /// The next step, or nil at the end; asks for the same block again until it is supplied.
    public mutating func next() throws(DecodingProblem) -> Step? {
        while let item = items.last {
            switch item {
            case .entry(let entry):
                items.removeLast()
                return .entry(entry)
            case .shard(let cid, _, _):
                guard let content = cid.inlineContent else { return .need(cid) }
                try supply(Block(cid: cid, bytes: content))
            }
        }
        return nil
    }

    /// Hands in the shard that was asked for, which must have been verified.
    ///
    /// - Throws: `.missing` for a block that was not asked for; `.malformed`, `.wrongKind`, `.tooDeep`, `.truncated`.
    public mutating func supply(_ block: Block) throws(DecodingProblem) {
        guard case .shard(let cid, let level, let path)? = items.last, cid == block.cid else {
            throw DecodingProblem(.missing, "Another block was supplied than the one asked for.", cid: block.cid)
        }
        items.removeLast()
        let (node, message) = try Self.read(block)
        try open(block, node, message, level: level, path: path)
    }

    private mutating func open(
        _ block: Block,
        _ node: PBNode,
        _ message: UnixFSNode,
        level: Int,
        path: UInt64
    ) throws(DecodingProblem) {
        let shard = try about(block.cid) { () throws(DecodingProblem) in
            let shard = try HAMTShard(node, message)
            try shard.check(level: level, path: path)
            return shard
        }
        guard form == nil || form == shard.form else {
            throw DecodingProblem(.malformed, "The shards of a directory have several widths.", cid: block.cid)
        }
        form = shard.form
        for slot in shard.slots.reversed() {
            if let name = slot.name {
                items.append(.entry(DirectoryEntry(name: name, cid: slot.link.cid, tsize: slot.link.tsize)))
            } else {
                items.append(.shard(slot.link.cid, level: level + 1, path: shard.form.path(path, slot.bucket)))
            }
        }
    }

    private static func read(_ block: Block) throws(DecodingProblem) -> (PBNode, UnixFSNode) {
        try about(block.cid) { () throws(DecodingProblem) in
            let node = try PBNode(block.bytes)
            guard let data = node.data else {
                throw DecodingProblem(.wrongKind, "The dag-pb block holds no UnixFS.")
            }
            return (node, try UnixFSNode(data))
        }
    }
}
