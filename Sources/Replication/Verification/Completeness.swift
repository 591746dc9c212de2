internal import IPLD
internal import Multiformats

/// Watches blocks go by and says in the end whether they make up the whole DAG of a root.
struct Completeness {
    private let root: CID
    private var coverage = Coverage()
    private(set) var blockCount: UInt64 = 0

    init(root: CID) { self.root = root }

    /// Takes note of a section whose block was checked.
    mutating func see(_ section: CARSection) throws(DecodingProblem) {
        blockCount += 1
        try coverage.see(section)
    }

    /// A block that is part of the DAG and was not seen, under its codec; nil when the DAG is whole.
    ///
    /// Throws where it cannot be known, for the links of a block that is part of it cannot be read.
    mutating func missing() throws(DecodingProblem) -> CID? {
        let findings = coverage.findings([root])
        for problem in findings.problems {
            guard problem.code == .missing, let cid = problem.cid else { throw problem }
            return cid
        }
        return findings.unread.first
    }
}
