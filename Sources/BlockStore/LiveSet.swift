internal import IPLD
internal import Multiformats
internal import POSIX

/// Which entries of an index of one segment are needed: one bit for each.
struct LiveSet {
    let segment: Segment
    private var live: Bitmap
    /// What was followed, by codec: one block may be raw to one root and a node to another.
    private var followed: [Codec: Bitmap] = [:]
    private var words: [UInt64] = []

    init(_ segment: Segment) {
        self.segment = segment
        live = Bitmap(count: segment.count)
    }

    /// Notes that a block is needed.
    ///
    /// - Returns: where it is, and whether its links are still to be followed; nil where it is not in the store.
    mutating func mark(_ cid: CID) throws(StoreError) -> (location: BlockLocation?, isNew: Bool)? {
        guard let (number, entry) = try find(BlockKey(cid)), !entry.isRemoved else { return nil }
        live.insert(number)
        guard cid.codec != .raw else { return (entry.location, false) }
        return (entry.location, followed[cid.codec, default: Bitmap(count: segment.count)].insert(number))
    }

    /// The entry of a block, if the block is needed.
    mutating func needed(_ key: BlockKey) throws(StoreError) -> IndexEntry? {
        guard let (number, entry) = try find(key), live.contains(number) else { return nil }
        return entry
    }

    private mutating func find(_ key: BlockKey) throws(StoreError) -> (number: UInt64, entry: IndexEntry)? {
        do throws(FileError) { return try segment.find(key, &words) } catch { throw StoreError(error) }
    }

    /// Hands every entry to `body`, and whether its block is needed.
    func each(_ body: (IndexEntry, Bool) -> Void) throws(StoreError) {
        do throws(FileError) {
            var cursor = try EntryCursor(segment)
            var number: UInt64 = 0
            while let entry = cursor.next {
                if !entry.isRemoved { body(entry, live.contains(number)) }
                number += 1
                try cursor.advance()
            }
        } catch {
            throw StoreError(error)
        }
    }
}

/// A set of numbers below a bound.
private struct Bitmap {
    private var words: [UInt64]

    init(count: UInt64) { words = [UInt64](repeating: 0, count: Int(count / 64 + 1)) }

    func contains(_ number: UInt64) -> Bool { words[Int(number / 64)] & 1 << (number % 64) != 0 }

    /// Adds a number; gives whether it was not there.
    @discardableResult
    mutating func insert(_ number: UInt64) -> Bool {
        let bit: UInt64 = 1 << (number % 64)
        defer { words[Int(number / 64)] |= bit }
        return words[Int(number / 64)] & bit == 0
    }
}
