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

    /// The longest entry that is read, in bytes: a digest and an offset.
    static let widest: UInt64 = 8 + 1024

    /// What the entries of a table have in common.
    private struct Kind: Sendable, Hashable {
        let code: UInt64
        /// The length of a digest and an offset.
        let width: Int
    }

    private typealias Table = (kind: Kind, rows: [UInt8])

    /// The entries of each kind, a digest and an offset each, one after another.
    private var tables: [Kind: [UInt8]] = [:]

    /// The number of sections.
    public private(set) var count = 0

    /// An empty index.
    public init() {}

    /// Adds a section, which begins at `offset` in the payload.
    ///
    /// Those of identity CIDs are left out unless the archive is fully indexed. A section takes its digest and eight
    /// bytes of memory.
    public mutating func add(_ cid: CID, offset: UInt64, isFullyIndexed: Bool = false) {
        let hash = cid.hash
        guard isFullyIndexed || hash.code != .identity else { return }
        let kind = Kind(code: hash.code.rawValue, width: hash.digest.count + 8)
        tables[kind, default: []] += hash.digest
        appendLittleEndian(offset, 8, to: &tables[kind, default: []])
        count += 1
    }

    /// Adds the sections of another index, with the offsets that `place` gives for theirs.
    ///
    /// - Throws: what `place` throws; `.unsupported` for an index that does not say the hash functions.
    public mutating func add(
        _ other: CARIndexReader,
        at place: (UInt64) throws(DecodingProblem) -> UInt64
    ) throws(DecodingProblem) {
        try other.each { (code, digest, offset) throws(DecodingProblem) in
            let kind = Kind(code: code, width: digest.count + 8)
            tables[kind, default: []] += digest
            appendLittleEndian(try place(offset), 8, to: &tables[kind, default: []])
            count += 1
        }
    }

    /// The bytes of the index, the format's number first.
    public func encoded(_ format: Format) -> [UInt8] {
        var bytes = Varint.encode(format.rawValue)
        let tables = tables.map { Table(kind: $0.key, rows: $0.value) }
        switch format {
        case .sorted: Self.append(tables, to: &bytes)
        case .multihashSorted:
            let groups = Dictionary(grouping: tables, by: \.kind.code)
            appendLittleEndian(UInt64(groups.count), 4, to: &bytes)
            for (code, tables) in groups.sorted(by: { $0.key < $1.key }) {
                appendLittleEndian(code, 8, to: &bytes)
                Self.append(tables, to: &bytes)
            }
        }
        return bytes
    }

    /// One table for each length of digests, the entries of each in the order of their digests.
    private static func append(_ tables: [Table], to bytes: inout [UInt8]) {
        let lengths = Dictionary(grouping: tables, by: \.kind.width)
        appendLittleEndian(UInt64(lengths.count), 4, to: &bytes)
        for (width, tables) in lengths.sorted(by: { $0.key < $1.key }) {
            // Digests of one length under several functions are rare: most tables are not copied here.
            let rows = tables.count == 1 ? tables[0].rows : tables.flatMap(\.rows)
            appendLittleEndian(UInt64(width), 4, to: &bytes)
            appendLittleEndian(UInt64(rows.count), 8, to: &bytes)
            append(rows, width, to: &bytes)
        }
    }

    private static func append(_ rows: [UInt8], _ width: Int, to bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + rows.count)
        let starts = stride(from: 0, to: rows.count, by: width).sorted { left, right in
            for place in 0..<(width - 8) where rows[left + place] != rows[right + place] {
                return rows[left + place] < rows[right + place]
            }
            return offset(rows, left, width) < offset(rows, right, width)
        }
        for start in starts { bytes += rows[start..<start + width] }
    }

    private static func offset(_ rows: [UInt8], _ start: Int, _ width: Int) -> UInt64 {
        littleEndian(rows[(start + width - 8)..<(start + width)])
    }
}
