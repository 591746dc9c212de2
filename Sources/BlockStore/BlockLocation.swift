/// Where the bytes of a block are.
public struct BlockLocation: Sendable, Hashable {
    /// The pack that holds them, or that says which file does.
    let pack: PackID
    /// The offset of the block's first byte in the pack, or of the record that says where it is.
    let offset: UInt64
    /// The length of the block in bytes.
    public let length: Int
}

/// The number of a pack, and which of the two kinds it is of.
struct PackID: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// As it stands in the index: the number, and in the highest bit the kind.
    let rawValue: UInt32

    private static let referenceBit: UInt32 = 1 << 31

    /// The highest number.
    static let highest = referenceBit - 1

    init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A pack of blocks, or one of references to other people's files.
    init(_ number: UInt32, isReferences: Bool) {
        rawValue = number & Self.highest | (isReferences ? Self.referenceBit : 0)
    }

    /// Reads the name of a pack's file.
    init?(fileName: String) {
        let parts = fileName.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1] == "car" || parts[1] == "ref",
            parts[0].utf8.allSatisfy({ (48...57).contains($0) }),
            let number = UInt32(parts[0]), number > 0, number <= Self.highest
        else { return nil }
        self.init(number, isReferences: parts[1] == "ref")
    }

    var number: UInt32 { rawValue & Self.highest }

    /// Whether it holds references to files in place of blocks.
    var isReferences: Bool { rawValue & Self.referenceBit != 0 }

    /// The name of its file: at least six digits.
    var fileName: String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits + (isReferences ? ".ref" : ".car")
    }

    static func < (left: PackID, right: PackID) -> Bool { left.rawValue < right.rawValue }
}
