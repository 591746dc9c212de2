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

    /// Blocks of the DAG of `root`, in the order of `cids`; throws for the first one that cannot be had.
    func blocks(_ cids: [CID], below root: CID) async throws(ReplicationError) -> [Block]

    /// The CAR of a root as it comes, unverified; nil where there is none, and blocks are asked for one by one.
    func export(_ root: CID) async throws(ReplicationError) -> (any ByteStream)?

    /// Lays out the CAR of a root, which is whole; one of at most `limit` bytes is held in memory.
    func pack(_ root: CID, holding limit: UInt64) async throws(ReplicationError) -> PackedDAG

    /// Reads everything below a root, and throws where some of it is missing or damaged.
    func expectWhole(_ root: CID, progress: Progress) async throws(ReplicationError)

    /// Throws unless every block of a root is kept here, where nobody else can take it away.
    func expectHere(_ root: CID) async throws(ReplicationError)
}

extension BlockSource {
    /// Lays out the CAR of a root.
    package func pack(_ root: CID) async throws(ReplicationError) -> PackedDAG { try await pack(root, holding: 0) }

    /// The CIDs of everything below a root, by the blocks that have links: what has none is not asked for.
    package func cids(below root: CID) async throws(ReplicationError) -> [CID] {
        var walk = DAGWalk(root: root)
        var cids: [CID] = []
        var children: [CID: [CID]] = [:]
        while let cid = walk.next() {
            cids.append(cid)
            guard cid.codec != .raw else { continue }
            if children[cid] == nil {
                let upcoming = walk.upcoming(Self.atOnce).filter { $0.codec != .raw && children[$0] == nil }
                for block in try await blocks([cid] + upcoming, below: root) {
                    do throws(DecodingProblem) { children[block.cid] = try links(of: block) } catch {
                        throw .store(StoreError(error, linksOf: block.cid))
                    }
                }
            }
            walk.visit(children.updateValue([], forKey: cid) ?? [])
        }
        return cids
    }

    /// So many blocks are asked for before their turn.
    private static var atOnce: Int { 31 }

    package func expectWhole(_ root: CID, progress: Progress) async throws(ReplicationError) {
        let packed = try await pack(root)
        try await ReplicationError.ofSource { () async throws(StorageError) in
            for try await chunk in packed.body.look() { progress.bytes(UInt64(chunk.count)) }
        }
    }
}

extension ReplicationError {
    /// Whether it says something of the content alone; else nobody was asked, or nobody answered.
    package var isOfContent: Bool {
        switch self {
        case .store(let error):
            switch error.code {
            case .notFound, .corrupt, .changed, .problem: true
            default: false
            }
        case .source(let error): [.notFound, .corrupt, .changed, .unsupported, .tooLarge].contains(error.code)
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

    /// Runs `body`, whose failures are those of a source.
    static func ofSource<Value>(
        _ body: () async throws(StorageError) -> Value
    ) async throws(ReplicationError) -> Value {
        do throws(StorageError) {
            return try await body()
        } catch {
            if let error = error.cause as? StoreError { throw .store(error) }
            throw error.code == .cancelled ? .storage(error) : .source(error)
        }
    }
}
