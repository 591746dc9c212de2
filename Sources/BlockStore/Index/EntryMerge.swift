internal import POSIX

/// Entries in the order of their keys, from memory or from a segment.
struct EntryCursor {
    private let segment: Segment?
    private let isLost: Bool
    private var words: [UInt64]
    private var index = 0
    private var number: UInt64 = 0
    private var sum = SegmentHeader.emptySum
    /// The entry that is next; nil at the end.
    private(set) var next: IndexEntry?

    /// Whether all entries came, and were as they were written; known at the end.
    var isSound: Bool { segment.map { number == $0.count && sum == $0.header.entriesSum } ?? true }

    /// The entries of a segment; `asLost` says of each block that it is nowhere.
    init(_ segment: Segment, asLost isLost: Bool = false) throws(FileError) {
        self.segment = segment
        self.isLost = isLost
        words = []
        try advance()
    }

    /// Entries that are in the order of their keys already.
    init(_ entries: [IndexEntry]) throws(FileError) {
        segment = nil
        isLost = false
        words = []
        words.reserveCapacity(entries.count * IndexEntry.words)
        for entry in entries { entry.append(to: &words) }
        try advance()
    }

    /// Goes on to the entry after the next one.
    mutating func advance() throws(FileError) {
        if index >= words.count, let segment, number < segment.count {
            try segment.read(&words, from: number)
            sum = SegmentHeader.checksum(words[...], from: sum)
            index = 0
            number += UInt64(words.count / IndexEntry.words)
        }
        guard index + IndexEntry.words <= words.count else {
            next = nil
            return
        }
        let entry = IndexEntry(words, at: index)
        next = isLost ? IndexEntry(removed: entry.key) : entry
        index += IndexEntry.words
    }
}

/// Hands the entries of several sources to `body` in the order of their keys, each key once.
///
/// A source may have a key several times. Of a key that several have, the first source says where its block is; with
/// `takesBest` the one whose place is the best.
/// - Returns: whether the segments among the sources were as they were written.
func merge(
    _ sources: [EntryCursor],
    takesBest: Bool = false,
    _ body: (IndexEntry) throws(FileError) -> Void
) throws(FileError) -> Bool {
    var queue = EntryQueue(sources, takesBest: takesBest)
    var last: BlockKey?
    while let entry = try queue.next() {
        guard entry.key != last else { continue }
        last = entry.key
        try body(entry)
    }
    return queue.sources.allSatisfy(\.isSound)
}

/// Sources in the order of the entries that are next in them.
private struct EntryQueue {
    private(set) var sources: [EntryCursor]
    private let takesBest: Bool
    /// The numbers of the sources that are not at their end, the one whose entry comes first last.
    private var order: [Int] = []

    init(_ sources: [EntryCursor], takesBest: Bool) {
        self.sources = sources
        self.takesBest = takesBest
        for number in sources.indices { place(number) }
    }

    mutating func next() throws(FileError) -> IndexEntry? {
        guard let number = order.popLast(), let entry = sources[number].next else { return nil }
        try sources[number].advance()
        place(number)
        return entry
    }

    /// Puts the number of a source where its next entry belongs.
    private mutating func place(_ number: Int) {
        guard let entry = sources[number].next else { return }
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            guard let other = sources[order[middle]].next else { return }
            if comes(other, order[middle], after: entry, number) { low = middle + 1 } else { high = middle }
        }
        order.insert(number, at: low)
    }

    private func comes(_ other: IndexEntry, _ otherNumber: Int, after entry: IndexEntry, _ number: Int) -> Bool {
        guard other.key == entry.key else { return other.key > entry.key }
        if takesBest, entry.isBetter(than: other) { return true }
        if takesBest, other.isBetter(than: entry) { return false }
        return otherNumber > number
    }
}
