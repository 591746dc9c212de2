internal import POSIX

/// A part of the index that never changes: a sorted file, open for lookups.
final class Segment: Sendable {
    let name: SegmentName
    let header: SegmentHeader
    private let file: File
    /// The buckets, and the last bytes of the keys.
    private let tables: [UInt64]
    /// The packs that the commits knew, and the lengths of them that count.
    let packs: [(id: PackID, length: UInt64)]

    /// The number of entries.
    var count: UInt64 { header.count }

    /// Opens a segment, and reads all of it but the entries; nil where that is not as it was written.
    init?(_ name: SegmentName, in folder: String) throws(FileError) {
        file = try File(folder + "/" + name.fileName, .readFile)
        self.name = name
        var words: [UInt64] = []
        try file.read(words: &words, at: 0, count: SegmentHeader.maxWords)
        guard let header = SegmentHeader(words, length: try file.length()) else { return nil }
        // Files that were exchanged would hide newer entries behind older ones.
        guard header.version == 1 || header.commits == name.commits else { return nil }
        self.header = header
        try file.read(words: &words, at: header.tablesOffset, count: header.tablesWords)
        guard words.count == header.tablesWords, SegmentHeader.checksum(words[...]) == header.tablesSum else {
            return nil
        }
        let first = header.buckets + header.tails
        packs = stride(from: first, to: words.count, by: 2).map { index in
            (PackID(rawValue: UInt32(truncatingIfNeeded: words[index])), words[index + 1])
        }
        words.removeLast(words.count - first)
        tables = words
    }

    /// How many keys are looked at one by one; where keys were chosen to fall together, the place is found by halves.
    private static let window: UInt64 = 64

    /// The entry of a key and its number, or nil; `words` is room to read into.
    func find(_ key: BlockKey, _ words: inout [UInt64]) throws(FileError) -> (number: UInt64, entry: IndexEntry)? {
        let bucket = header.bucket(of: key)
        var low = bucket == 0 ? 0 : tables[bucket - 1]
        var high = min(tables[bucket], count)
        while low < high, high - low > Self.window {
            let middle = low + (high - low) / 2
            guard let entry = try entry(middle, &words) else { return nil }
            if entry.key <= key { low = middle } else { high = middle }
        }
        let tail = key.fourth & 0xFF
        while low < high {
            let word = tables[header.buckets + Int(low / 8)]
            if word >> (low % 8 * 8) & 0xFF == tail, let entry = try entry(low, &words), entry.key == key {
                return (low, entry)
            }
            low += 1
        }
        return nil
    }

    private func entry(_ number: UInt64, _ words: inout [UInt64]) throws(FileError) -> IndexEntry? {
        try file.read(words: &words, at: header.offset(of: number), count: IndexEntry.words)
        return words.count == IndexEntry.words ? IndexEntry(words, at: 0) : nil
    }

    /// Reads entries from the one with that number on into `words`, as many as are read well in one go.
    func read(_ words: inout [UInt64], from number: UInt64) throws(FileError) {
        let most = min(count - min(number, count), 5_000)
        try file.read(words: &words, at: header.offset(of: number), count: Int(most) * IndexEntry.words)
    }

    /// Whether the entries are as they were written, and in their order.
    func isSound() throws(FileError) -> Bool {
        var words: [UInt64] = []
        var number: UInt64 = 0
        var sum = SegmentHeader.emptySum
        var last: BlockKey?
        while number < count {
            try read(&words, from: number)
            guard words.count >= IndexEntry.words else { return false }
            sum = SegmentHeader.checksum(words[...], from: sum)
            for start in stride(from: 0, to: words.count, by: IndexEntry.words) {
                let key = IndexEntry(words, at: start).key
                if let last, last >= key { return false }
                last = key
            }
            number += UInt64(words.count / IndexEntry.words)
        }
        return sum == header.entriesSum
    }
}
