/// One line of the index: a key, and where its block is or that it is nowhere any more.
struct IndexEntry: Sendable, BitwiseCopyable {
    let key: BlockKey
    /// The pack in the upper half; in the lower one a bit that says "removed", and the length.
    private let place: UInt64
    private let offset: UInt64

    /// The longest block that an entry can describe, in bytes.
    static let longestBlock = Int(Int32.max)

    /// The number of words of an entry in a file.
    static let words = 6

    private static let removedBit: UInt64 = 1 << 31

    /// A block that is at `location`.
    init(_ key: BlockKey, at location: BlockLocation) {
        self.key = key
        place = UInt64(location.pack.rawValue) << 32 | UInt64(location.length)
        offset = location.offset
    }

    /// A block that was found damaged and is nowhere, whatever older parts of the index say.
    init(removed key: BlockKey) {
        self.key = key
        place = Self.removedBit
        offset = 0
    }

    /// Reads the entry that begins at `index`.
    init(_ words: [UInt64], at index: Int) {
        key = BlockKey(
            first: words[index],
            second: words[index + 1],
            third: words[index + 2],
            fourth: words[index + 3]
        )
        place = words[index + 4]
        offset = words[index + 5]
    }

    /// Whether the block is nowhere any more.
    var isRemoved: Bool { place & Self.removedBit != 0 }

    /// The length of the block in bytes.
    var length: Int { Int(place & (Self.removedBit - 1)) }

    /// The pack that the block is in.
    var pack: PackID { PackID(rawValue: UInt32(place >> 32)) }

    /// Where the block is; nil where it is nowhere.
    var location: BlockLocation? {
        isRemoved ? nil : BlockLocation(pack: pack, offset: offset, length: length)
    }

    /// Whether this place of a block is to be preferred to another one of the same block, where an index is made again
    /// from the packs: one that was found to one that is lost, a copy to a reference, and of two the one that was
    /// written later.
    func isBetter(than other: IndexEntry) -> Bool {
        guard isRemoved == other.isRemoved else { return other.isRemoved }
        guard pack.isReferences == other.pack.isReferences else { return other.pack.isReferences }
        return pack != other.pack ? pack > other.pack : offset > other.offset
    }

    /// Appends the words of the entry.
    func append(to words: inout [UInt64]) {
        words.append(key.first)
        words.append(key.second)
        words.append(key.third)
        words.append(key.fourth)
        words.append(place)
        words.append(offset)
    }
}
