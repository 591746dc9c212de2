internal import IPLD
internal import Multiformats

/// Watches blocks go by and says in the end whether they make up the whole DAG of a root.
struct Completeness {
    private let root: CID
    private var seen: Set<Multihash> = []
    private var wanted: [Multihash: CID] = [:]
    private(set) var blockCount: UInt64 = 0

    init(root: CID) { self.root = root }

    /// Takes note of a section whose block was checked.
    mutating func see(_ section: CARSection) throws(DecodingProblem) {
        blockCount += 1
        guard seen.insert(section.cid.hash).inserted else { return }
        wanted[section.cid.hash] = nil
        try want(section.links)
    }

    /// A block that is part of the DAG and was not seen; nil when the DAG is whole.
    mutating func missing() throws(DecodingProblem) -> CID? {
        // A root that holds its content itself need not be in the archive, but what it links to does.
        try want([root])
        return wanted.values.first
    }

    private mutating func want(_ cids: [CID]) throws(DecodingProblem) {
        var pending = cids
        while let cid = pending.popLast() {
            guard !seen.contains(cid.hash) else { continue }
            if let content = cid.inlineContent {
                seen.insert(cid.hash)
                wanted[cid.hash] = nil
                pending += try links(of: Block(cid: cid, bytes: content))
            } else {
                wanted[cid.hash] = cid
            }
        }
    }
}
