public import Multiformats

/// Reads a file out of its blocks, without doing any input itself.
///
/// ``next()`` says which block is needed, or gives bytes in order; ``supply(_:)`` hands a block in. Only blocks that
/// overlap the range are asked for, and never more than one node per level is held.
public struct FileWalk: Sendable {
    /// What is to be done next.
    public enum Step: Sendable, Hashable {
        /// Get this block and give it to ``FileWalk/supply(_:)``.
        case need(CID)
        /// The next bytes of the content.
        case bytes(ArraySlice<UInt8>)
    }

    /// The deepest tree that is read.
    public static let deepest = 64

    /// A part of the file that is still to be read: what is at `place` is known only by its CID.
    private struct Part {
        let cid: CID
        let place: Range<UInt64>
        let depth: Int
    }

    /// The length of the whole file, in bytes.
    public let fileSize: UInt64

    /// The part of the file that is read, cut to what there is.
    public let range: Range<UInt64>

    private var parts: [Part] = []
    private var ready: ArraySlice<UInt8> = []
    /// The sizes of the nodes that lay in the range wholly; nil where repeats are read again.
    private var walked: [CID: Int]?

    /// Starts at the root of a file.
    ///
    /// - Throws: `.wrongKind` where the block is no file; `.malformed`, `.truncated`.
    public init(root: Block, range: Range<UInt64>? = nil) throws(DecodingProblem) {
        try self.init(root: root, range: range, passesOverRepeats: false)
    }

    /// Starts at the root of a file; a walk that passes over repeats is for those who want the blocks, not the content.
    ///
    /// All blocks below a node that lay wholly in the range have been asked for, so where the same node comes again,
    /// nothing new is below it. Without that, a file of sixty levels with two links to one node each would be walked
    /// for ever.
    init(root: Block, range: Range<UInt64>?, passesOverRepeats: Bool) throws(DecodingProblem) {
        let node = try FileNode(root)
        walked = passesOverRepeats ? [:] : nil
        fileSize = node.size
        self.range = (range ?? 0..<node.size).clamped(to: 0..<node.size)
        open(node, at: 0, depth: 0)
    }

    /// The next step, or nil at the end; asks for the same block again until it is supplied.
    public mutating func next() throws(DecodingProblem) -> Step? {
        while true {
            if !ready.isEmpty {
                defer { ready = [] }
                return .bytes(ready)
            }
            guard let part = parts.last else { return nil }
            // Of another size it is no repeat, but an error that is found when its block is supplied.
            if let size = walked?[part.cid], size == part.place.count, isWhole(part) {
                parts.removeLast()
                continue
            }
            guard let content = part.cid.inlineContent else { return .need(part.cid) }
            try supply(Block(cid: part.cid, bytes: content))
        }
    }

    /// The blocks that will be asked for next, as far as they are known, so that they can be read ahead.
    ///
    /// There are so many that the content in and below them reaches `bytes`, where an inner node counts as one of the
    /// largest chunks.
    public func upcoming(_ bytes: Int) -> [CID] {
        var found: [CID] = []
        var sum = 0
        for part in parts.reversed() where part.cid.hash.code != .identity {
            guard sum < bytes else { break }
            found.append(part.cid)
            sum += min(part.place.count, Chunker.largestChunk)
        }
        return found
    }

    /// Hands in the block that was asked for, which must have been verified.
    ///
    /// - Throws: `.missing` for a block that was not asked for; `.malformed` where it has another size than its parent
    ///   says; `.wrongKind`, `.tooDeep`, `.truncated`.
    public mutating func supply(_ block: Block) throws(DecodingProblem) {
        guard let part = parts.last, part.cid == block.cid, ready.isEmpty else {
            throw DecodingProblem(.missing, "Another block was supplied than the one asked for.", cid: block.cid)
        }
        guard part.depth <= Self.deepest else {
            throw DecodingProblem(.tooDeep, "The file is deeper than \(Self.deepest) levels.", cid: block.cid)
        }
        let node = try FileNode(block)
        guard node.size == UInt64(part.place.count) else {
            throw DecodingProblem(
                .malformed,
                "A part of the file has \(node.size) bytes where its parent says \(part.place.count).",
                cid: block.cid
            )
        }
        parts.removeLast()
        if isWhole(part) { walked?[part.cid] = part.place.count }
        open(node, at: part.place.lowerBound, depth: part.depth)
    }

    private func isWhole(_ part: Part) -> Bool { part.place.clamped(to: range) == part.place }

    /// Makes a node's own bytes ready and remembers the children that overlap the range, the first one last.
    ///
    /// Children without content are passed over: they could be repeated without end and give nothing.
    private mutating func open(_ node: FileNode, at start: UInt64, depth: Int) {
        var cursor = start + UInt64(node.data.count)
        let wanted = range.clamped(to: start..<cursor)
        if !wanted.isEmpty {
            let first = node.data.startIndex + Int(wanted.lowerBound - start)
            ready = node.data[first..<(first + wanted.count)]
        }
        var found: [Part] = []
        for (cid, size) in zip(node.children, node.sizes) {
            let place = cursor..<(cursor + size)
            cursor += size
            if !place.isEmpty, place.overlaps(range) { found.append(Part(cid: cid, place: place, depth: depth + 1)) }
        }
        parts.append(contentsOf: found.reversed())
    }
}
