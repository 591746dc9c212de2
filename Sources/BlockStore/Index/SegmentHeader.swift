/// What a segment begins with. A segment is a file of 64-bit words, the lowest byte first:
///
/// - the words of the header, ``length(_:)`` of them,
/// - the entries in the order of their keys, ``IndexEntry/words`` words each,
/// - one word for every bucket, 2^`bucketBits` of them: how many entries have keys that begin with these bits or lower
///   ones,
/// - the last byte of every key, eight in a word, the lowest first: most keys that are not there need no look at
///   entries,
/// - two words for every known pack: its number, and the length of it that counts.
struct SegmentHeader: Sendable {
    /// The form of the header: 1 says nothing of the commits, the store and the epoch.
    var version: UInt64 = Self.newest
    /// The number of entries.
    var count: UInt64 = 0
    /// How many of the highest bits of a key choose its bucket.
    var bucketBits: Int
    /// The sum of the lengths of the blocks, in bytes.
    var bytes: UInt64 = 0
    /// The number of packs in the table at the end.
    var packs: UInt64 = 0
    /// The checksum of the entries.
    var entriesSum: UInt64 = Self.emptySum
    /// The checksum of all that follows the entries.
    var tablesSum: UInt64 = Self.emptySum
    /// The commits that are in the segment, as its name says.
    var commits: ClosedRange<UInt64> = 0...0
    /// The store that the segment belongs to.
    var store = StoreIdentity.none
    /// Another number after each loss: while it stays, what was in the store is in it, unless it was collected.
    var epoch: UInt64 = 0
    /// How many of the entries say that a block was found damaged and is nowhere.
    var lost: UInt64 = 0

    private static let newest: UInt64 = 2
    private static let magic: UInt64 = 0x0078_6469_7366_7069  // "ipfsidx" and the version, the first letter lowest
    private static let maxBucketBits = 22

    /// How many words the header of a version has; the last one is the checksum of the others.
    private static func length(_ version: UInt64) -> Int { version == 1 ? 8 : 14 }

    /// The words of the longest header.
    static let maxWords = 14

    /// A header of a segment that has nothing in it yet.
    init(bucketBits: Int) { self.bucketBits = bucketBits }

    /// Reads a header; nil where these are not the words of one for a file of `length` bytes.
    init?(_ words: [UInt64], length: UInt64) {
        // The version stands in the byte that is read as the highest one.
        guard let first = words.first, first & Self.magicMask == Self.magic else { return nil }
        version = first >> 56
        guard (1...Self.newest).contains(version) else { return nil }
        let count = Self.length(version)
        guard words.count >= count, words[count - 1] == Self.checksum(words[..<(count - 1)]) else { return nil }
        guard words[2] <= UInt64(Self.maxBucketBits), words[1] < 1 << 40, words[4] < 1 << 32 else { return nil }
        bucketBits = Int(words[2])
        self.count = words[1]
        bytes = words[3]
        packs = words[4]
        entriesSum = words[5]
        tablesSum = words[6]
        if version > 1 {
            guard words[7] <= words[8] else { return nil }
            commits = words[7]...words[8]
            store = StoreIdentity(high: words[9], low: words[10])
            epoch = words[11]
            lost = words[12]
        }
        guard length == fileLength else { return nil }
    }

    private static let magicMask: UInt64 = ~(0xFF << 56)

    var encoded: [UInt64] {
        let words = [
            Self.magic | version << 56, count, UInt64(bucketBits), bytes, packs, entriesSum, tablesSum,
            commits.lowerBound, commits.upperBound, store.high, store.low, epoch, lost,
        ]
        return words + [Self.checksum(words[...])]
    }

    /// Where the entry with that number begins, in bytes.
    func offset(of entry: UInt64) -> UInt64 {
        UInt64(Self.length(version)) * 8 + entry * UInt64(IndexEntry.words) * 8
    }

    /// Where the buckets begin, in bytes.
    var tablesOffset: UInt64 { offset(of: count) }

    /// The number of buckets.
    var buckets: Int { 1 << bucketBits }

    /// The number of words that hold the last bytes of the keys.
    var tails: Int { Int((count + 7) / 8) }

    /// The number of words after the entries.
    var tablesWords: Int { buckets + tails + 2 * Int(packs) }

    /// The bucket of a key.
    func bucket(of key: BlockKey) -> Int { bucketBits == 0 ? 0 : Int(key.first >> UInt64(64 - bucketBits)) }

    /// The length of the file in bytes.
    var fileLength: UInt64 { tablesOffset + UInt64(tablesWords) * 8 }

    /// How many bits make buckets of eight to sixteen entries, which is about what one read of a file gives anyway.
    static func bucketBits(for count: UInt64) -> Int {
        min(maxBucketBits, max(0, 63 - (count / 8 | 1).leadingZeroBitCount))
    }

    /// The checksum of nothing.
    static let emptySum: UInt64 = 0xCBF2_9CE4_8422_2325

    /// FNV-1a over words in place of bytes; it finds rot, and nobody is to be kept from forging an index.
    static func checksum(_ words: ArraySlice<UInt64>, from start: UInt64 = emptySum) -> UInt64 {
        words.reduce(start) { ($0 ^ $1) &* 0x0000_0100_0000_01B3 }
    }
}
