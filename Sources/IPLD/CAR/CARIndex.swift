public import Multiformats

/// The index of a CAR: where the section of each multihash begins, counted from the start of the CARv1 payload
/// (the CARv2 specification, "Index format", in the form that go-car writes it).
public struct CARIndex: Sendable, Hashable {
    /// The two ways to write one.
    public enum Format: UInt64, Sendable, Hashable, CaseIterable {
        /// By digest alone.
        case sorted = 0x0400
        /// By hash function and digest.
        case multihashSorted = 0x0401
    }

    /// One section.
    public struct Entry: Sendable, Hashable {
        /// What the block hashes to; where the format does not say the function, it is 0.
        public let code: UInt64
        /// The digest.
        public let digest: [UInt8]
        /// The offset of the section's first byte in the payload.
        public let offset: UInt64

        /// An entry from its parts.
        public init(code: UInt64, digest: [UInt8], offset: UInt64) {
            self.code = code
            self.digest = digest
            self.offset = offset
        }
    }

    private var entries: [Entry] = []

    /// An empty index.
    public init() {}

    /// The number of sections.
    public var count: Int { entries.count }

    /// Adds a section; those of identity CIDs are left out unless the archive is fully indexed.
    public mutating func add(_ cid: CID, offset: UInt64, isFullyIndexed: Bool = false) {
        let hash = cid.hash
        guard isFullyIndexed || hash.code != .identity else { return }
        entries.append(Entry(code: hash.code.rawValue, digest: Array(hash.digest), offset: offset))
    }

    /// The bytes of the index, the format's number first.
    public func encoded(_ format: Format) -> [UInt8] {
        var bytes = Varint.encode(format.rawValue)
        switch format {
        case .sorted: Self.append(entries, to: &bytes)
        case .multihashSorted:
            let groups = Dictionary(grouping: entries, by: \.code)
            appendLittleEndian(UInt64(groups.count), 4, to: &bytes)
            for (code, entries) in groups.sorted(by: { $0.key < $1.key }) {
                appendLittleEndian(code, 8, to: &bytes)
                Self.append(entries, to: &bytes)
            }
        }
        return bytes
    }

    /// One table for each length of digests, the entries of each in the order of their digests.
    private static func append(_ entries: [Entry], to bytes: inout [UInt8]) {
        let tables = Dictionary(grouping: entries) { $0.digest.count }
        appendLittleEndian(UInt64(tables.count), 4, to: &bytes)
        for (length, entries) in tables.sorted(by: { $0.key < $1.key }) {
            let width = length + 8
            appendLittleEndian(UInt64(width), 4, to: &bytes)
            appendLittleEndian(UInt64(width * entries.count), 8, to: &bytes)
            let sorted = entries.sorted { left, right in
                left.digest == right.digest
                    ? left.offset < right.offset : left.digest.lexicographicallyPrecedes(right.digest)
            }
            for entry in sorted {
                bytes += entry.digest
                appendLittleEndian(entry.offset, 8, to: &bytes)
            }
        }
    }
}
