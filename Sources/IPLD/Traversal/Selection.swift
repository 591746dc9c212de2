public import Multiformats

/// The blocks that somebody needs to follow a path and to see what is at its end, in the order of a trustless gateway
/// (the Trustless Gateway specification, "CAR responses"; IPIP-402): depth first, parents first.
///
/// It does no input itself: ``next()`` says which block is needed, or gives one to be sent. Identity CIDs are walked
/// through and never given.
public struct Selection: Sendable {
    /// How much is wanted of what is at the end of the path.
    public enum Scope: String, Sendable, Hashable, CaseIterable {
        /// Its first block alone.
        case block
        /// The file, or the directory without what is in it.
        case entity
        /// Everything below it.
        case all
    }

    /// What is to be done next.
    public enum Step: Sendable, Hashable {
        /// Get this block and give it to ``Selection/supply(_:)``.
        case need(CID)
        /// The next block to be sent.
        case block(Block)
        /// All blocks were given; the path ends at this CID, or at nothing.
        case end(CID?)
    }

    private enum Phase: Sendable {
        case path
        case terminal(CID)
        case file
        case shards
        case below
        case over
    }

    private let scope: Scope
    private let range: EntityRange?
    private let repeats: Bool
    private var phase = Phase.path
    // What the phases walk stands beside them, so that it is changed in place: copied for every block, the list of a
    // wide node would cost the square of its length.
    private var path: PathWalk
    private var file: FileWalk?
    private var shards: DirectoryWalk?
    /// What is still to be walked below the end of the path, the next CID last.
    private var pending: [CID] = []
    private var terminal: CID?
    private var ready: [Block] = []
    private var seen: Set<CID> = []
    /// The block that the path came to last, for paths that end inside it.
    private var last: Block?

    /// Starts at the root of a path.
    ///
    /// - Parameters:
    ///   - path: where to.
    ///   - scope: how much of it; a range means `.entity`.
    ///   - range: which bytes of a file; nil for all.
    ///   - repeats: whether a block is given each time it is met, or once.
    public init(_ path: ContentPath, scope: Scope = .all, range: EntityRange? = nil, repeats: Bool = false) {
        self.scope = range == nil ? scope : .entity
        self.range = range
        self.repeats = repeats
        self.path = PathWalk(path)
    }

    /// The next step; asks for the same block again until it is supplied.
    public mutating func next() throws(DecodingProblem) -> Step {
        while true {
            if !ready.isEmpty { return .block(ready.removeFirst()) }
            if let step = try advance() { return step }
        }
    }

    /// Hands in the block that was asked for, which must have been verified.
    public mutating func supply(_ block: Block) throws(DecodingProblem) {
        give(block)
        switch phase {
        case .path:
            last = block
            try path.supply(block)
        case .terminal(let cid) where cid == block.cid: try open(block)
        case .file: try file?.supply(block)
        case .shards: try shards?.supply(block)
        case .below where pending.last == block.cid:
            pending.removeLast()
            pending += try links(of: block).reversed()
        default: throw DecodingProblem(.missing, "Another block was supplied than the one asked for.", cid: block.cid)
        }
    }

    private mutating func give(_ block: Block) {
        guard block.cid.inlineContent == nil, repeats || seen.insert(block.cid).inserted else { return }
        ready.append(block)
    }

    /// Goes on by one move; nil where there may be something to give now.
    private mutating func advance() throws(DecodingProblem) -> Step? {
        switch phase {
        case .path:
            switch try path.next() {
            case .need(let cid): return .need(cid)
            case .absent: phase = .over
            case .end(let end):
                terminal = end.cid
                // The block that a path ends inside of was given on the way.
                if end.value != nil, let last { try open(last) } else { phase = .terminal(end.cid) }
            }
        case .terminal(let cid):
            guard let content = cid.inlineContent else { return .need(cid) }
            try open(Block(cid: cid, bytes: content))
        case .file:
            let step = try file?.next()
            if case .need(let cid)? = step { return .need(cid) }
            if step == nil { phase = .over }
        case .shards:
            let step = try shards?.next()
            if case .need(let cid)? = step { return .need(cid) }
            if step == nil { phase = .over }
        case .below: return try descend()
        case .over: return .end(terminal)
        }
        return nil
    }

    /// Goes on below the end of the path.
    private mutating func descend() throws(DecodingProblem) -> Step? {
        guard let cid = pending.last else {
            phase = .over
            return nil
        }
        if let content = cid.inlineContent {
            pending.removeLast()
            pending += try links(of: Block(cid: cid, bytes: content)).reversed()
        } else if !repeats, seen.contains(cid) {
            pending.removeLast()
        } else {
            return .need(cid)
        }
        return nil
    }

    /// Begins what comes after the block at the end of the path.
    private mutating func open(_ block: Block) throws(DecodingProblem) {
        switch scope {
        case .block: phase = .over
        case .all: try openAll(block)
        case .entity: try openEntity(block)
        }
    }

    private mutating func openAll(_ block: Block) throws(DecodingProblem) {
        pending = try links(of: block).reversed()
        phase = .below
    }

    private mutating func openEntity(_ block: Block) throws(DecodingProblem) {
        phase = .over
        guard block.cid.codec == .dagPB else { return }
        switch try UnixFSEntry(block) {
        case .file(let size):
            guard let range else { return try openAll(block) }
            guard let bytes = range.resolved(size: size) else { return }
            file = try FileWalk(root: block, range: bytes, passesOverRepeats: !repeats)
            phase = .file
        case .shardedDirectory:
            shards = try DirectoryWalk(root: block)
            phase = .shards
        default: return
        }
    }
}

/// A range of bytes as gateways write it: `from:to`, both inclusive, negative from the end, `*` for the end.
public struct EntityRange: Sendable, Hashable {
    private let from: Int64
    private let to: Int64?

    /// Reads `from:to`.
    ///
    /// - Throws: `.badCharacter` where it is not made of two numbers, or where the end lies before the start.
    public init(_ text: String) throws(FormatProblem) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let from = Int64(parts[0]), parts[1] == "*" || Int64(parts[1]) != nil else {
            throw FormatProblem(.badCharacter, "“\(text)” is no range of bytes: two numbers with a colon are one.")
        }
        let to = Int64(parts[1])
        if let to, (from < 0) == (to < 0), from > to {
            throw FormatProblem(.badCharacter, "The range of bytes “\(text)” ends before it begins.")
        }
        self.from = from
        self.to = to
    }

    /// The bytes of a file of `size` bytes that are meant, or nil where there are none.
    public func resolved(size: UInt64) -> Range<UInt64>? {
        let size = Int64(clamping: size)
        let start = from < 0 ? max(0, size &+ max(from, -size)) : from
        let last = to.map { $0 < 0 ? size &+ max($0, -size &- 1) : $0 } ?? size - 1
        guard start < size, last >= start else { return nil }
        return UInt64(start)..<UInt64(min(last, size - 1)) + 1
    }
}
