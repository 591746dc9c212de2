internal import Multiformats
internal import SQLite

/// What all pins together amount to: a list that lost some, or got others, is known by it.
///
/// SQLite does not notice a page whose content has rotted, and what no pin leads to is collected.
struct PinSum {
    var count: Int64
    var digest: UInt64
    /// Counts up with every change of the list.
    var generation: Int64

    /// Notes that a pin came or went.
    mutating func toggle(_ cid: CID, by step: Int64) {
        count += step
        digest ^= Self.weight(cid)
    }

    /// FNV-1a of a CID, finished with the mixer of SplitMix64 so that no bits of two CIDs cancel out.
    private static func weight(_ cid: CID) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in cid.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        return hash ^ (hash >> 31)
    }

    /// The sum of these pins.
    static func of(_ cids: some Sequence<CID>, generation: Int64 = 0) -> PinSum {
        var sum = PinSum(count: 0, digest: 0, generation: generation)
        for cid in cids { sum.toggle(cid, by: 1) }
        return sum
    }

    /// Throws `corrupt` where these are not the pins that were noted.
    func prove(_ cids: some Sequence<CID>) throws(CatalogError) {
        let found = Self.of(cids)
        guard found.count == count, found.digest == digest else {
            throw CatalogError(
                .corrupt,
                "The catalog is damaged: it had \(count) pins, and the \(found.count) that can be read are not these."
            )
        }
    }
}

extension Database {
    /// The sum that is noted.
    mutating func pinSum() throws(CatalogError) -> PinSum {
        let digest = try value("pins_digest").flatMap { UInt64($0, radix: 16) } ?? 0
        return PinSum(count: try number("pins_count"), digest: digest, generation: try number("pins_generation"))
    }

    /// Writes the sum down, as that of another generation.
    mutating func setPinSum(_ sum: PinSum) throws(CatalogError) {
        try setValue("pins_count", String(sum.count))
        try setValue("pins_digest", String(sum.digest, radix: 16))
        try setValue("pins_generation", String(sum.generation + 1))
    }

    private mutating func pinnedCIDs() throws(CatalogError) -> [CID] {
        try all("SELECT cid FROM pins") { (row: borrowing Row) throws(CatalogError) in try columnCID(row, 0) }
    }

    /// Notes what the pins of a catalog amount to that has no such note yet.
    mutating func sumPins() throws(CatalogError) { try setPinSum(PinSum.of(try pinnedCIDs())) }

    /// Throws `corrupt` where these are not the pins that were noted.
    mutating func prove(_ cids: [CID]) throws(CatalogError) { try pinSum().prove(cids) }

    /// Throws `corrupt` where the pins are not those that were noted.
    mutating func provePins() throws(CatalogError) { try pinSum().prove(try pinnedCIDs()) }
}
