internal import IPLD
internal import Multiformats

/// Watches blocks go by and says in the end whether they make up the whole DAG of a root.
struct Completeness {
    private let root: CID
    private var seen: Set<Multihash> = []
    private var wanted: [Multihash: CID] = [:]
    private(set) var blockCount: UInt64 = 0

    init(root: CID) {
        self.root = root
        wanted[root.hash] = root
    }

    /// Takes note of a block that was checked.
    mutating func see(_ block: Block) throws(DecodingProblem) {
        blockCount += 1
        guard seen.insert(block.cid.hash).inserted else { return }
        wanted[block.cid.hash] = nil
        for cid in try links(of: block) where cid.hash.code != .identity && !seen.contains(cid.hash) {
            wanted[cid.hash] = cid
        }
    }

    /// A block that is part of the DAG and was not seen; nil when the DAG is whole.
    var missing: CID? {
        wanted.values.first { $0.hash.code != .identity }
    }
}
