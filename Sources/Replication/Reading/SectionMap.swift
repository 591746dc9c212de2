internal import IPLD
internal import Multiformats

/// Where the blocks of a CAR on a backend are.
enum SectionMap: Sendable {
    /// In a CAR that was read whole.
    case whole([Multihash: ArraySlice<UInt8>])
    /// At places that an index knows.
    case indexed(IndexedSections)

    /// Reads the CAR of a root that is in memory; throws what ``CARParser`` does, and `badRoots` for that of another.
    init(car bytes: [UInt8], of root: CID) throws(DecodingProblem) {
        var sections: [Multihash: ArraySlice<UInt8>] = [:]
        var parser = CARParser(verifiesBlocks: false)
        parser.feed(bytes)
        while let event = try parser.next() {
            switch event {
            case .header(let header): try header.expectRoot(root)
            case .section(let section): sections[section.cid.hash] = section.bytes
            }
        }
        try parser.finish()
        self = .whole(sections)
    }
}

/// The sections of a CAR by its index: where each begins, and where the next one does.
struct IndexedSections: Sendable {
    private let reader: CARIndexReader
    /// All offsets, in order.
    private let offsets: [UInt64]
    /// The length of the CAR, where it is known.
    private let length: UInt64?

    /// Reads an index in memory; throws `.malformed` and the like where it is none.
    init(_ index: [UInt8], length: UInt64?) throws(DecodingProblem) {
        reader = try CARIndexReader(index)
        offsets = try reader.offsets().sorted()
        self.length = length
    }

    /// Where the section of a block is; nil where the index does not know it.
    ///
    /// It ends where the next one begins, so that its length need not be asked for.
    func range(of cid: CID) throws(DecodingProblem) -> Range<UInt64>? {
        guard let start = try reader.offsets(of: cid.hash).first else { return nil }
        var (low, high) = (0, offsets.count)
        while low < high {
            let middle = (low + high) / 2
            if offsets[middle] <= start { low = middle + 1 } else { high = middle }
        }
        let longest = start.addingReportingOverflow(UInt64(Block.longestSection) + UInt64(Varint.maximumLength))
        let end = min(
            low < offsets.count ? offsets[low] : length ?? .max,
            longest.overflow ? .max : longest.partialValue
        )
        guard start < end else {
            throw DecodingProblem(.malformed, "The index says that a block begins behind the end of the CAR.", cid: cid)
        }
        return start..<end
    }
}
