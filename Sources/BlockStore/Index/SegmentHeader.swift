/// What a segment begins with. A segment is a file of 64-bit words, the lowest byte first:
///
/// - eight words of header,
/// - the entries in the order of their keys, ``IndexEntry/words`` words each,
/// - one word for every bucket, 2^`bucketBits` of them: how many entries have keys that begin with these bits or lower
///   ones,
/// - the last byte of every key, eight in a word, the lowest first: most keys that are not there need no look at entries,
/// - two words for every known pack: its number, and the length of it that counts.
struct SegmentHeader: Sendable {
    /// The number of entries.
    var count: UInt64
    /// How many of the highest bits of a key choose its bucket.
    var bucketBits: Int
    /// The sum of the lengths of the blocks, in bytes.
    var bytes: UInt64
    /// The number of packs in the table at the end.
    var packs: UInt64
    /// The checksum of the entries.
    var entriesSum: UInt64
    /// The checksum of all that follows the entries.
    var tablesSum: UInt64

    static let words = 8
    private static let magic = UInt64(bigEndian: 0x6970_6673_6964_7801)  // "ipfsidx", and the number of the format
    private static let mostBucketBits = 22

    init(count: UInt64, bucketBits: Int, bytes: UInt64, packs: UInt64, entriesSum: UInt64, tablesSum: UInt64) {
        self.count = count
        self.bucketBits = bucketBits
        self.bytes = bytes
        self.packs = packs
        self.entriesSum = entriesSum
        self.tablesSum = tablesSum
    }

    /// Reads a header; nil where these are not the words of one for a file of `length` bytes.
    init?(_ words: [UInt64], length: UInt64) {
        guard words.count == Self.words, words[0] == Self.magic, words[7] == Self.checksum(words.dropLast()) else {
            return nil
        }
        guard words[2] <= UInt64(Self.mostBucketBits), words[1] < 1 << 40, words[4] < 1 << 32 else { return nil }
        self.init(
            count: words[1],
            bucketBits: Int(words[2]),
            bytes: words[3],
            packs: words[4],
            entriesSum: words[5],
            tablesSum: words[6]
        )
        guard length == fileLength else { return nil }
    }

    var encoded: [UInt64] {
        let words = [Self.magic, count, UInt64(bucketBits), bytes, packs, entriesSum, tablesSum]
        return words + [Self.checksum(words[...])]
    }

    /// Where the entry with that number begins, in bytes.
    static func offset(of entry: UInt64) -> UInt64 {
        UInt64(words) * 8 + entry * UInt64(IndexEntry.words) * 8
    }

    /// Where the buckets begin, in bytes.
    var tablesOffset: UInt64 { Self.offset(of: count) }

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
        min(mostBucketBits, max(0, 63 - (count / 8 | 1).leadingZeroBitCount))
    }

    /// The checksum of nothing.
    static let emptySum: UInt64 = 0xCBF2_9CE4_8422_2325

    /// FNV-1a over words in place of bytes; it finds rot, and nobody is to be kept from forging an index.
    static func checksum(_ words: ArraySlice<UInt64>, from start: UInt64 = emptySum) -> UInt64 {
        words.reduce(start) { ($0 ^ $1) &* 0x0000_0100_0000_01B3 }
    }
}
