internal import BlockStore
package import IPLD
package import Multiformats
package import Storage

/// Where content is read from: blocks by their CIDs, and whole DAGs for packing.
///
/// Every block that comes out of a source was checked against its CID on its way. That a block is not there is said by
/// the source itself, and is never what is made of an answer that did not come.
package protocol BlockSource: Sendable {
    /// Whether blocks come from afar, so that none is asked for that can be done without.
    var isFar: Bool { get }

    /// Those of some blocks of the DAG of `root` that can be had here.
    ///
    /// Throws where the work was stopped, and for what is neither of the content nor of the source.
    func find(_ cids: [CID], below root: CID) async throws(ReplicationError) -> FoundBlocks

    /// The CAR of a root as it comes, unverified; nil where there is none, and blocks are asked for one by one.
    func export(_ root: CID) async throws(ReplicationError) -> SourceStream?

    /// A CAR with a part of what is below a block, as it comes, unverified, and perhaps not all of it; nil where blocks
    /// are asked for one by one.
    func extent(_ extent: ContentExtent, of cid: CID) async throws(ReplicationError) -> (any ByteStream)?

    /// Lays out the CAR of a root, which is whole; one of at most `limit` bytes is held in memory.
    ///
    /// What comes from afar is kept by `packing` meanwhile.
    func pack(
        _ root: CID,
        by packing: FarPacking,
        holding limit: UInt64
    ) async throws(ReplicationError) -> PackedDAG

    /// Reads everything below a root, and throws where some of it is missing or damaged.
    func expectWhole(_ root: CID, progress: Progress) async throws(ReplicationError)
}

/// What a source has of the blocks that it was asked for.
package struct FoundBlocks: Sendable {
    package var blocks: [CID: Block] = [:]
    /// Why one of the others was not had: first of all, that nobody answered.
    package var problem: ReplicationError?
    /// Who gave the blocks, as the configuration names them.
    package var givers: Set<String> = []

    package init() {}

    /// All of some blocks, in their order; throws for those that are not here.
    package func all(_ cids: [CID]) throws(ReplicationError) -> [Block] {
        var found: [Block] = []
        found.reserveCapacity(cids.count)
        for cid in cids {
            guard let block = blocks[cid] else {
                throw problem ?? .source(StorageError(.notFound, "The block \(cid) was not given."))
            }
            found.append(block)
        }
        return found
    }
}

/// A CAR as it comes, and who gives it.
package struct SourceStream: Sendable {
    package let bytes: any ByteStream
    package let giver: String

    package init(_ bytes: any ByteStream, from giver: String) { (self.bytes, self.giver) = (bytes, giver) }
}

/// How many blocks are asked for before their turn, so that those that are waited for have about so many bytes.
struct BatchSize: Sendable {
    private static let (bytes, most) = (8 << 20, 32)
    /// What is thought of blocks before one was seen, in bytes.
    private var longest = 1 << 20

    /// The number for the next time.
    var count: Int { max(1, min(Self.most, Self.bytes / max(1, longest))) }

    /// Learns from the blocks of the last time.
    mutating func note(_ blocks: [Block]) { longest = blocks.lazy.map(\.bytes.count).max() ?? longest }
}

extension BlockSource {
    /// Most sources give blocks as fast as anything.
    package func extent(_ extent: ContentExtent, of cid: CID) async throws(ReplicationError) -> (any ByteStream)? {
        nil
    }

    /// Blocks of the DAG of `root`, in the order of `cids`; throws for one that cannot be had.
    package func blocks(_ cids: [CID], below root: CID) async throws(ReplicationError) -> [Block] {
        try await find(cids, below: root).all(cids)
    }

    package func pack(
        _ root: CID,
        by packing: FarPacking,
        holding limit: UInt64
    ) async throws(ReplicationError) -> PackedDAG {
        try await packing.pack(root, from: self, holding: limit)
    }

    package func expectWhole(_ root: CID, progress: Progress) async throws(ReplicationError) {
        try await walk(root, withLeaves: true, progress: progress) { _ in }
    }

    /// Visits everything below a root, by blocks that are kept until their turn only; without leaves, blocks that have
    /// no links are not asked for.
    package func walk(
        _ root: CID,
        withLeaves: Bool,
        progress: Progress = .silent,
        _ visit: (CID) async throws(ReplicationError) -> Void
    ) async throws(ReplicationError) {
        func isAsked(_ cid: CID) -> Bool { withLeaves || cid.codec != .raw }
        var walk = DAGWalk(root: root)
        var size = BatchSize()
        var children: [CID: [CID]] = [:]
        while let cid = walk.next() {
            if children[cid] == nil, isAsked(cid) {
                let upcoming = walk.upcoming(size.count - 1).filter { isAsked($0) && children[$0] == nil }
                let blocks = try await blocks([cid] + upcoming, below: root)
                size.note(blocks)
                for block in blocks {
                    progress.bytes(UInt64(block.bytes.count))
                    do throws(DecodingProblem) { children[block.cid] = try links(of: block) } catch {
                        throw .store(StoreError(error, linksOf: block.cid))
                    }
                }
            }
            try await visit(cid)
            walk.visit(children.removeValue(forKey: cid) ?? [])
        }
    }
}

extension ReplicationError {
    /// Whether it says something of the content alone; else nobody was asked, or nobody answered.
    package var isOfContent: Bool {
        switch self {
        case .store(let error): error.isOfContent
        case .source(let error): error.isOfContent
        default: false
        }
    }

    /// Whether it says something of what was asked for, and nothing of who was asked.
    var isOfObject: Bool {
        switch self {
        case .source(let error), .storage(let error): error.isOfObject
        default: false
        }
    }

    /// Whether it says that the content is there, and not what it should be.
    var isDamage: Bool {
        switch self {
        case .store(let error) where error.code != .notFound: isOfContent
        case .source(let error): [.corrupt, .changed].contains(error.code)
        default: false
        }
    }

    /// Whether it says something of the content, or of who was asked for it, and not of this home.
    package var isOfSource: Bool { if case .source = self { true } else { isOfContent } }

    /// What a failure of a source is: one of the store where it came from there, and a stop where it was one.
    static func source(of error: StorageError) -> ReplicationError {
        if let error = error.cause as? StoreError { return .store(error) }
        return error.code == .cancelled ? .storage(error) : .source(error)
    }

    /// Runs `body`, whose failures are those of a source.
    static func ofSource<Value>(
        _ body: () async throws(StorageError) -> Value
    ) async throws(ReplicationError) -> Value {
        do throws(StorageError) { return try await body() } catch { throw source(of: error) }
    }
}

extension StoreError {
    /// Whether it says something of a block, and not of the store as a whole.
    var isOfContent: Bool {
        switch code {
        case .notFound, .corrupt, .changed, .problem: true
        default: false
        }
    }
}

extension StorageError {
    /// Whether it says something of the content that was asked for; else nobody was asked, or nobody answered.
    package var isOfContent: Bool { [.notFound, .corrupt, .changed, .unsupported, .tooLarge].contains(code) }
}
