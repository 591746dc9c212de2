public import Multiformats

/// Resolves a path through directories, sharded or not, and through dag-cbor and dag-json, without doing any input
/// itself.
///
/// Names lead through dag-pb; map keys and list indices through the others. A symbolic link is an end like any other.
public struct PathWalk: Sendable {
    /// Where a path leads.
    public struct End: Sendable, Hashable {
        /// The block that it ends at, or in.
        public let cid: CID
        /// The part of the path that lies inside that block.
        public let remainder: [[UInt8]]
        /// The value there, where the path ends inside a block; nil where it ends at a whole block.
        public let value: Node?

        /// An end from its parts.
        public init(cid: CID, remainder: [[UInt8]], value: Node?) {
            self.cid = cid
            self.remainder = remainder
            self.value = value
        }
    }

    /// What is to be done next.
    public enum Step: Sendable, Hashable {
        /// Get this block and give it to ``PathWalk/supply(_:)``.
        case need(CID)
        /// The path leads here.
        case end(End)
        /// Nothing has that name; so many segments of the path had been followed.
        case absent(followed: Int)
    }

    private enum State: Sendable {
        case block(CID)
        case lookup(DirectoryLookup)
        case done(Step)
    }

    private let segments: [[UInt8]]
    private var position = 0
    private var state: State

    /// Starts at the root of a path.
    public init(_ path: ContentPath) {
        segments = path.segments
        state = .block(path.root)
    }

    /// The next step; asks for the same block again until it is supplied.
    ///
    /// - Throws: what ``supply(_:)`` throws, for blocks that CIDs hold themselves.
    public mutating func next() throws(DecodingProblem) -> Step {
        while true {
            switch state {
            case .done(let step): return step
            case .block(let cid):
                guard position < segments.count else {
                    state = .done(.end(End(cid: cid, remainder: [], value: nil)))
                    continue
                }
                guard let content = cid.inlineContent else { return .need(cid) }
                try supply(Block(cid: cid, bytes: content))
            case .lookup(var lookup):
                let step = try lookup.next()
                state = .lookup(lookup)
                switch step {
                case .need(let cid): return .need(cid)
                case .absent: state = .done(.absent(followed: position))
                case .found(let entry):
                    position += 1
                    state = .block(entry.cid)
                }
            }
        }
    }

    /// Hands in the block that was asked for, which must have been verified.
    ///
    /// - Throws: `.missing` for a block that was not asked for; `.wrongKind` where the path goes on below something
    ///   that has no names; what the decoders throw.
    public mutating func supply(_ block: Block) throws(DecodingProblem) {
        switch state {
        case .lookup(var lookup):
            try lookup.supply(block)
            state = .lookup(lookup)
        case .block(let cid) where cid == block.cid && position < segments.count:
            state = try about(cid) { () throws(DecodingProblem) in try enter(block) }
        default: throw DecodingProblem(.missing, "Another block was supplied than the one asked for.", cid: block.cid)
        }
    }

    private mutating func enter(_ block: Block) throws(DecodingProblem) -> State {
        switch block.cid.codec {
        case .dagPB: try enterNode(block)
        case .dagCBOR, .cbor, .dagJSON, .json: try follow(Node(decoding: block, .lenient), in: block.cid)
        default:
            throw DecodingProblem(.wrongKind, "A \(block.cid.codec) block has nothing below it.")
        }
    }

    private mutating func enterNode(_ block: Block) throws(DecodingProblem) -> State {
        switch try UnixFSEntry(block) {
        case .directory, .shardedDirectory: return .lookup(try DirectoryLookup(name: segments[position], in: block))
        case .file, .symlink, .raw:
            throw DecodingProblem(.wrongKind, "The path goes on below a file or a symbolic link.")
        case .other:
            let name = segments[position]
            guard let link = try PBNode(block.bytes).links.first(where: { $0.name == name }) else {
                return .done(.absent(followed: position))
            }
            position += 1
            return .block(link.cid)
        }
    }

    /// The index of an item that a name spells: digits and nothing else.
    private static func index(_ name: [UInt8]) -> Int? {
        guard let text = String(validating: name, as: UTF8.self), let index = Int(text), "\(index)" == text else {
            return nil
        }
        return index
    }

    /// Follows the path inside a value, up to a link or to the end.
    private mutating func follow(_ root: Node, in cid: CID) throws(DecodingProblem) -> State {
        let start = position
        var node = root
        while true {
            if case .link(let next) = node { return .block(next) }
            guard position < segments.count else {
                return .done(.end(End(cid: cid, remainder: Array(segments[start...]), value: node)))
            }
            let name = segments[position]
            let child: Node?
            switch node {
            case .map(let entries): child = entries.first { $0.key.utf8.elementsEqual(name) }?.value
            case .list(let items):
                child = Self.index(name).flatMap { items.indices.contains($0) ? items[$0] : nil }
            default: throw DecodingProblem(.wrongKind, "The path goes on below a value that is no map and no list.")
            }
            guard let child else { return .done(.absent(followed: position)) }
            node = child
            position += 1
        }
    }
}
