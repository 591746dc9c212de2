public import Multiformats

/// Finds one entry of a directory, basic or sharded, without doing any input itself and without reading other shards.
public struct DirectoryLookup: Sendable {
    /// What is to be done next.
    public enum Step: Sendable, Hashable {
        /// Get this block and give it to ``DirectoryLookup/supply(_:)``.
        case need(CID)
        /// The entry.
        case found(DirectoryEntry)
        /// The directory has no such entry.
        case absent
    }

    private let name: [UInt8]
    private let hash: UInt64
    private var level = 0
    private var form: ShardForm?
    private var step: Step

    /// Starts at the root of a directory.
    ///
    /// - Throws: `.wrongKind` where the block is no directory; `.malformed`, `.truncated`.
    public init(name: [UInt8], in root: Block) throws(DecodingProblem) {
        self.name = name
        hash = murmur3x64(name.span)
        step = .need(root.cid)
        try open(root)
    }

    /// The next step; asks for the same block again until it is supplied.
    public mutating func next() throws(DecodingProblem) -> Step {
        while case .need(let cid) = step, let content = cid.inlineContent {
            try supply(Block(cid: cid, bytes: content))
        }
        return step
    }

    /// Hands in the shard that was asked for, which must have been verified.
    public mutating func supply(_ block: Block) throws(DecodingProblem) {
        guard step == .need(block.cid) else {
            throw DecodingProblem(.missing, "Another block was supplied than the one asked for.", cid: block.cid)
        }
        level += 1
        try open(block)
    }

    private mutating func open(_ block: Block) throws(DecodingProblem) {
        step = try about(block.cid) { () throws(DecodingProblem) in
            guard block.cid.codec == .dagPB else {
                throw DecodingProblem(.wrongKind, "A \(block.cid.codec) block is no directory.")
            }
            let node = try PBNode(block.bytes)
            guard let data = node.data else { throw DecodingProblem(.wrongKind, "The dag-pb block holds no UnixFS.") }
            let message = try UnixFSNode(data)
            guard message.kind == .directory, level == 0 else { return try slot(HAMTShard(node, message)) }
            let link = node.links.first { ($0.name ?? []) == name }
            return link.map { .found(DirectoryEntry(name: name, cid: $0.cid, tsize: $0.tsize)) } ?? .absent
        }
    }

    private mutating func slot(_ shard: HAMTShard) throws(DecodingProblem) -> Step {
        guard form == nil || form == shard.form else {
            throw DecodingProblem(.malformed, "The shards of a directory have several widths.")
        }
        form = shard.form
        guard let slot = shard.slot(try shard.form.bucket(of: hash, level: level)) else { return .absent }
        guard let found = slot.name else { return .need(slot.link.cid) }
        guard found == name else { return .absent }
        return .found(DirectoryEntry(name: name, cid: slot.link.cid, tsize: slot.link.tsize))
    }
}
