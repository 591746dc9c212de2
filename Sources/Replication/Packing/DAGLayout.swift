internal import IPLD
package import Multiformats
package import Storage

/// The deterministic CARv1 of a DAG, as it is laid out: one root, depth first, each block once.
///
/// It is byte for byte what Kubo's `dag export` writes, and needs no more of the blocks than their lengths.
package struct DAGLayout: Sendable {
    /// A section of the CAR.
    struct Entry: Sendable {
        let cid: CID
        /// The length of the block, in bytes.
        let length: Int
        /// The offset of the section's first byte in the CAR.
        let offset: UInt64
    }

    package let root: CID
    /// The length of the CAR in bytes.
    package private(set) var length: UInt64
    let header: [UInt8]
    private(set) var entries: [Entry] = []

    /// The CAR of a root before its first block.
    init(of root: CID) {
        self.root = root
        header = CARHeader(roots: [root]).encoded
        length = UInt64(header.count)
    }

    /// Adds the next block in the order of the DAG; throws where one of that length cannot be kept.
    mutating func add(_ cid: CID, length: Int) throws(DecodingProblem) {
        try cid.checkLimits(length: length)
        entries.append(Entry(cid: cid, length: length, offset: self.length))
        self.length += UInt64(CARSection.length(for: cid, length: length))
    }

    /// The number of blocks.
    package var blockCount: Int { entries.count }

    /// The sum of the lengths of the blocks, in bytes.
    package var blockBytes: UInt64 { entries.reduce(0) { $0 + UInt64($1.length) } }

    /// The CIDs of the DAG in the order of the CAR.
    package var cids: [CID] { entries.map(\.cid) }

    /// Where the sections of the CAR lie.
    package var places: [SectionPlace] { entries.map { SectionPlace($0.cid, at: $0.offset) } }

    /// The entry whose section holds the byte at `offset`, or the first one for a byte of the header.
    func index(at offset: UInt64) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].offset <= offset { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    /// The end of the entries from `first` on that have `batch` bytes together and begin in `range`.
    func end(of first: Int, _ range: Range<UInt64>, _ batch: Int) -> Int {
        var last = first
        var bytes = 0
        while last < entries.count, entries[last].offset < range.upperBound, bytes < batch {
            bytes += max(entries[last].length, 64)
            last += 1
        }
        return last
    }
}
