internal import Multiformats

/// Compares the index of an archive, which comes in pieces of any size, with the sections of its payload.
struct CARIndexAudit: Sendable {
    /// One entry of an index.
    struct Entry {
        /// Nil where the format does not say the hash function.
        let code: UInt64?
        let digest: ArraySlice<UInt8>
        /// Where the section begins in the payload.
        let offset: UInt64
        /// Where the entry stands in the index, in bytes.
        let place: Int
    }

    private enum Phase {
        case format
        case groups
        case code
        case tables
        case table
        case rows
        case over
    }

    /// The number of bytes of the index that were used.
    private(set) var used = 0

    private var phase = Phase.format
    private var isMultihash = false
    private var groups: UInt64 = 0
    private var tables: UInt64 = 0
    private var code: UInt64?
    private var width = 0
    /// How many bytes of the table are to come.
    private var left: UInt64 = 0
    private var rest: [UInt8] = []
    private var lastDigest: [UInt8] = []

    /// Whether the index came to its end.
    var isWhole: Bool { phase == .over }

    /// Takes the next bytes and hands every entry that is whole to `take`.
    ///
    /// - Returns: how many bytes follow the index.
    /// - Throws: `.badIndex` for what is no index, or none that can be searched; nothing can be read behind it.
    mutating func feed(_ bytes: [UInt8], _ take: (Entry) -> Void) throws(DecodingProblem) -> Int {
        let all = rest.isEmpty ? bytes : rest + bytes
        rest = []
        var position = 0
        while phase != .over {
            guard let count = try step(all, position, take) else { break }
            position += count
            used += count
        }
        guard phase != .over else { return all.count - position }
        rest = Array(all[position...])
        return 0
    }

    /// Takes one part of the index from `position` on and gives its length, or nil where it is not there whole.
    private mutating func step(
        _ bytes: [UInt8],
        _ position: Int,
        _ take: (Entry) -> Void
    ) throws(DecodingProblem) -> Int? {
        func number(_ start: Int, _ count: Int) -> UInt64? {
            bytes.count - start < count ? nil : littleEndian(bytes[start..<start + count])
        }
        switch phase {
        case .format: return try format(bytes, position)
        case .groups:
            guard let found = number(position, 4) else { return nil }
            groups = found
            phase = groups > 0 ? .code : .over
            return 4
        case .code:
            guard let found = number(position, 8) else { return nil }
            (code, groups, phase) = (found, groups - 1, .tables)
            return 8
        case .tables:
            guard let found = number(position, 4) else { return nil }
            tables = found
            endOfTable()
            return 4
        case .table:
            guard let width = number(position, 4), let length = number(position + 4, 8) else { return nil }
            guard (8...CARIndex.widest).contains(width), length.isMultiple(of: width) else {
                throw problem("has entries of \(width) bytes in a table of \(length)")
            }
            (self.width, left, tables, lastDigest) = (Int(width), length, tables - 1, [])
            if length == 0 { endOfTable() } else { phase = .rows }
            return 12
        case .rows:
            guard bytes.count - position >= width else { return nil }
            try row(bytes[position..<position + width], take)
            left -= UInt64(width)
            if left == 0 { endOfTable() }
            return width
        case .over: return nil
        }
    }

    private mutating func format(_ bytes: [UInt8], _ position: Int) throws(DecodingProblem) -> Int? {
        var reader = ByteReader(bytes, range: position..<min(bytes.count, position + Varint.maximumLength))
        let found: UInt64
        do { found = try reader.readVarint() } catch {
            if error.code == .truncated { return nil }
            throw problem("begins with no number of a format")
        }
        guard let format = CARIndex.Format(rawValue: found) else { throw problem("has the format \(found)") }
        isMultihash = format == .multihashSorted
        phase = isMultihash ? .groups : .tables
        return reader.offset - position
    }

    private mutating func endOfTable() {
        if tables > 0 { phase = .table } else { phase = groups > 0 ? .code : .over }
    }

    private mutating func row(_ row: ArraySlice<UInt8>, _ take: (Entry) -> Void) throws(DecodingProblem) {
        let digest = row.dropLast(8)
        guard !digest.lexicographicallyPrecedes(lastDigest) else {
            throw problem("has entries that are not in the order of their digests")
        }
        lastDigest = Array(digest)
        take(Entry(code: code, digest: digest, offset: littleEndian(row.suffix(8)), place: used))
    }

    private func problem(_ what: String) -> DecodingProblem {
        DecodingProblem(.badIndex, "The index of the archive \(what), near its byte \(used).")
    }
}
