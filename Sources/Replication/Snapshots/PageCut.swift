/// Says where pages end: after a key whose hash says so.
///
/// A row that changes has its own page changed by that, and those above it, and no other. A page that would be too
/// small goes on, and one that would be too large ends all the same. What comes after an end does not depend on what
/// was before it.
struct PageCut {
    private let level: Int
    private let limits: Limits
    private var entries = 0
    private var weight = 0

    /// How many entries a page has.
    private struct Limits {
        let least: Int
        /// After so many entries, beyond the least, a page ends in the middle; a power of two.
        let usual: UInt64
        let most: Int
    }

    /// The weight at which a page ends.
    static let fullWeight = 64 << 10
    /// The most entries of any page.
    static let maxEntries = 256

    /// Cuts rows, which are of level 0, or the pages of the level below.
    init(level: Int) {
        self.level = level
        let usual = Limits(least: 32, usual: 32, most: Self.maxEntries)
        limits = level == 0 ? Limits(least: 8, usual: 8, most: Self.maxEntries / 4) : usual
    }

    /// Whether the next entry is the first of a page.
    var isAtStart: Bool { entries == 0 }

    /// Adds an entry; says whether its page ends with it.
    mutating func ends(after key: [UInt8], weight: Int) -> Bool {
        entries += 1
        self.weight += weight
        let isBorder = entries >= limits.least && hash(key) % limits.usual == 0
        guard isBorder || entries == limits.most || self.weight >= Self.fullWeight else { return false }
        (entries, self.weight) = (0, 0)
        return true
    }

    /// FNV-1a of the level and the key, finished with the mixer of SplitMix64.
    ///
    /// Keys that end pages of one level are no others above it. The digest in a CID may be chosen, and is content where
    /// the hash is the identity, so its own bits would not do.
    private func hash(_ key: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(level)
        for byte in key { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        return hash ^ (hash >> 31)
    }
}
