public import Multiformats

/// Spreads the blocks of an archive over CARv1s that are no longer than a limit, without doing any output itself.
///
/// Blocks stay in their order. The first shard names the roots; the others name the empty identity CID, `bafkqaaa`,
/// which the CARv1 specification ("Number of roots") recommends where there is no root, for there are readers that
/// refuse an archive without any. ``CARHeader/init(joining:)`` gives the header of the whole back.
public struct CARSharding: Sendable {
    /// Where a block goes.
    public struct Place: Sendable, Hashable {
        /// The number of the shard, from 0; never less than that of the block before, and at most one more.
        public let shard: Int

        /// The bytes that go before the block: the header of the shard if the block is its first, and those of the
        /// section.
        public let bytes: [UInt8]
    }

    /// The bytes that the first shard begins with, which is there even where no block is.
    public let beginning: [UInt8]

    /// The bytes that every other shard begins with.
    public static let laterBeginning = CARHeader.rootless.encoded

    /// The lengths of the shards so far, in bytes.
    public private(set) var lengths: [UInt64]

    private let limit: UInt64

    /// Shards of at most `limit` bytes.
    ///
    /// - Throws: `.tooLarge` where not even the header fits.
    public init(_ header: CARHeader, limit: UInt64) throws(DecodingProblem) {
        beginning = header.encoded
        lengths = [UInt64(beginning.count)]
        self.limit = limit
        let longest = max(beginning.count, Self.laterBeginning.count)
        guard UInt64(longest) <= limit else {
            throw DecodingProblem(.tooLarge, "A header of \(longest) bytes does not fit a shard of \(limit) bytes.")
        }
    }

    /// Finds the place of the next block.
    ///
    /// - Throws: `.tooLarge` for a block that fits no shard.
    public mutating func place(_ cid: CID, length: Int) throws(DecodingProblem) -> Place {
        let prefix = CARSection.prefix(for: cid, length: length)
        let before = lengths.count
        let shard = try shard(ofSection: UInt64(prefix.count) + UInt64(length), cid)
        return Place(shard: shard, bytes: lengths.count > before ? Self.laterBeginning + prefix : prefix)
    }

    /// The number of the shard to which the next section goes, which has so many bytes with its prefix.
    ///
    /// - Throws: `.tooLarge` for one that fits no shard.
    public mutating func shard(ofSection section: UInt64, _ cid: CID) throws(DecodingProblem) -> Int {
        let last = lengths.count - 1
        if section <= limit - lengths[last] {
            lengths[last] += section
            return last
        }
        let whole = UInt64(Self.laterBeginning.count).addingReportingOverflow(section)
        guard !whole.overflow, whole.partialValue <= limit else {
            throw DecodingProblem(
                .tooLarge,
                "A block whose section has \(section) bytes does not fit a shard of \(limit) bytes.",
                cid: cid
            )
        }
        lengths.append(whole.partialValue)
        return last + 1
    }
}

extension CARHeader {
    /// The header of a shard that is not the first.
    static let rootless: CARHeader = {
        let nothing = try? Multihash.identity(of: [])
        return CARHeader(roots: nothing.map { [CID.v1(.raw, $0)] } ?? [])
    }()

    /// The header of what shards make together: the roots that one of them names.
    ///
    /// Others may name the same roots, none, or the empty identity CID, so that shards of all tools can be joined, and
    /// it does not matter which shard has the roots.
    /// - Throws: `.badRoots` where two name different roots, so that they are not of one archive.
    public init(joining shards: [CARHeader]) throws(DecodingProblem) {
        var named: CARHeader?
        for shard in shards where !shard.roots.isEmpty && shard != .rootless {
            guard shard == named ?? shard else {
                throw DecodingProblem(
                    .badRoots,
                    "The archives name different roots, so that they are not parts of one.",
                    cid: shard.roots.first
                )
            }
            named = shard
        }
        self.init(roots: (named ?? shards.first)?.roots ?? [])
    }
}
