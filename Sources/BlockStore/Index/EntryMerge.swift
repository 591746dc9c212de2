internal import POSIX

/// Entries in the order of their keys, from memory or from a segment.
struct EntryCursor {
    private let segment: Segment?
    private var words: [UInt64]
    private var index = 0
    private var number: UInt64 = 0
    /// The entry that is next; nil at the end.
    private(set) var next: IndexEntry?

    /// The entries of a segment.
    init(_ segment: Segment) throws(FileError) {
        self.segment = segment
        words = []
        try advance()
    }

    /// Entries that are in the order of their keys already.
    init(_ entries: [IndexEntry]) throws(FileError) {
        segment = nil
        words = []
        words.reserveCapacity(entries.count * IndexEntry.words)
        for entry in entries { entry.append(to: &words) }
        try advance()
    }

    /// Goes on to the entry after the next one.
    mutating func advance() throws(FileError) {
        if index >= words.count, let segment, number < segment.count {
            try segment.read(&words, from: number)
            index = 0
            number += UInt64(words.count / IndexEntry.words)
        }
        guard index + IndexEntry.words <= words.count else {
            next = nil
            return
        }
        next = IndexEntry(words, at: index)
        index += IndexEntry.words
    }
}

/// Hands the entries of several sources to `body` in the order of their keys, each key once: as the first source says
/// that has it.
///
/// A source may have a key several times.
func merge(
    _ sources: [EntryCursor],
    _ body: (IndexEntry) throws(FileError) -> Void
) throws(FileError) {
    var sources = sources
    // The numbers of the sources that are not at their end, the one with the least key last.
    var order: [Int] = []
    for number in sources.indices.reversed() { place(number, sources, &order) }
    var last: BlockKey?
    while let number = order.popLast() {
        guard let entry = sources[number].next else { continue }
        try sources[number].advance()
        place(number, sources, &order)
        guard entry.key != last else { continue }
        last = entry.key
        try body(entry)
    }
}

/// Puts the number of a source where its next key belongs; of equal keys, that of the first source comes first.
private func place(_ number: Int, _ sources: [EntryCursor], _ order: inout [Int]) {
    guard let key = sources[number].next?.key else { return }
    var low = 0
    var high = order.count
    while low < high {
        let middle = (low + high) / 2
        guard let other = sources[order[middle]].next?.key else { return }
        if other > key || other == key && order[middle] > number { low = middle + 1 } else { high = middle }
    }
    order.insert(number, at: low)
}
