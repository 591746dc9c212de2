internal import POSIX

/// Writes a segment, entry by entry in the order of their keys, into a file that gets its name at the end.
struct SegmentWriter: ~Copyable {
    private let folder: String
    private let path: String
    private let file: File
    private var words: [UInt64] = []
    private var position: UInt64
    private var header: SegmentHeader
    private var buckets: [UInt64]
    private var tails: [UInt64] = []
    private var isKept = false

    private static let batch = 4096 * IndexEntry.words

    /// Begins a segment of at most `most` entries.
    init(in folder: String, most: UInt64, of store: StoreIdentity, epoch: UInt64) throws(FileError) {
        self.folder = folder
        path = temporaryName(beside: folder + "/segment")
        file = try File(path, .createNew)
        let bits = SegmentHeader.bucketBits(for: most)
        header = SegmentHeader(bucketBits: bits)
        header.store = store
        header.epoch = epoch
        buckets = [UInt64](repeating: 0, count: 1 << bits)
        position = header.offset(of: 0)
        words.reserveCapacity(Self.batch + IndexEntry.words)
    }

    deinit { if !isKept { try? removeFile(path) } }

    /// Adds an entry, whose key must be above all before it.
    mutating func append(_ entry: IndexEntry) throws(FileError) {
        entry.append(to: &words)
        if header.count % 8 == 0 { tails.append(0) }
        tails[tails.count - 1] |= (entry.key.fourth & 0xFF) << (header.count % 8 * 8)
        header.count += 1
        header.bytes &+= UInt64(entry.length)
        if entry.isRemoved { header.lost += 1 }
        buckets[header.bucket(of: entry.key)] += 1
        if words.count >= Self.batch { try flush() }
    }

    private mutating func flush() throws(FileError) {
        header.entriesSum = SegmentHeader.checksum(words[...], from: header.entriesSum)
        try file.write(words: words, at: position)
        position += UInt64(words.count) * 8
        words.removeAll(keepingCapacity: true)
    }

    /// Ends the segment: it has its name when this returns, and is on the disk if it `isLasting`.
    ///
    /// Throws where it surely has not got its name.
    consuming func finish(
        _ name: SegmentName,
        packs: [(id: PackID, length: UInt64)],
        isLasting: Bool = true
    ) throws(FileError) -> Publication {
        try flush()
        header.commits = name.commits
        header.packs = UInt64(packs.count)
        var sum: UInt64 = 0
        for index in buckets.indices {
            sum += buckets[index]
            buckets[index] = sum
        }
        var position = header.tablesOffset
        header.tablesSum = SegmentHeader.emptySum
        for table in [buckets, tails, packs.flatMap { [UInt64($0.id.rawValue), $0.length] }] {
            header.tablesSum = SegmentHeader.checksum(table[...], from: header.tablesSum)
            try file.write(words: table, at: position)
            position += UInt64(table.count) * 8
        }
        try file.write(words: header.encoded, at: 0)
        if isLasting { try file.syncData() }
        let publication = publish(path, as: folder + "/" + name.fileName, isLasting: isLasting)
        if case .notPublished(let error) = publication { throw error }
        isKept = true
        return publication
    }
}
