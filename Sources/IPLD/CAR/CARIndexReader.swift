public import Multiformats

/// Finds sections through the index of a CAR, reading only the few bytes of it that a search needs.
public struct CARIndexReader: Sendable {
    /// Gives the bytes of a range, which lies within the length that the reader was made with.
    public typealias Source = @Sendable (Range<UInt64>) throws(DecodingProblem) -> [UInt8]

    /// The entries of one length of digests.
    private struct Table {
        /// Nil where the format does not say the hash function.
        let code: UInt64?
        let width: UInt64
        let start: UInt64
        let count: UInt64
    }

    /// The most tables that are read: lengths of digests, times hash functions.
    private static let maxTables = 4096

    /// The way the index is written.
    public let format: CARIndex.Format

    /// The number of sections.
    public var count: UInt64 { tables.reduce(0) { $0 + $1.count } }

    private let tables: [Table]
    private let read: Source

    /// Reads where the tables of an index of `length` bytes are.
    ///
    /// - Throws: `.unsupported` for a format that is not known; `.truncated`; `.malformed` for a width or length that
    ///   cannot be; what `read` throws.
    public init(length: UInt64, _ read: @escaping Source) throws(DecodingProblem) {
        var cursor = Cursor(length: length, read: read)
        let number = try cursor.varint()
        guard let format = CARIndex.Format(rawValue: number) else {
            throw DecodingProblem(.unsupported, "The index has the format \(number), which is not known.")
        }
        self.format = format
        self.read = read
        switch format {
        case .sorted: tables = try Self.tables(&cursor, code: nil)
        case .multihashSorted:
            var found: [Table] = []
            for _ in 0..<(try cursor.number(4)) {
                let code = try cursor.number(8)
                found += try Self.tables(&cursor, code: code)
                guard found.count <= Self.maxTables else {
                    throw DecodingProblem(.malformed, "The index has more tables than there are hash functions.")
                }
            }
            tables = found
        }
    }

    /// An index that is in memory.
    public init(_ bytes: [UInt8]) throws(DecodingProblem) {
        try self.init(length: UInt64(bytes.count)) { (range) throws(DecodingProblem) in
            Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
        }
    }

    /// The offsets of the sections of a multihash in the payload; none where the index does not know it.
    public func offsets(of hash: Multihash) throws(DecodingProblem) -> [UInt64] {
        var found: [UInt64] = []
        for table in tables where table.width == UInt64(hash.digest.count + 8) {
            guard table.code == nil || table.code == hash.code.rawValue else { continue }
            found += try offsets(of: hash.digest, in: table)
        }
        return found
    }

    /// The offsets of all sections, in the order of the index; throws what the source throws.
    public func offsets() throws(DecodingProblem) -> [UInt64] {
        var found: [UInt64] = []
        for table in tables {
            for number in 0..<table.count {
                let start = table.start + number * table.width
                found.append(littleEndian(try read(start + table.width - 8..<start + table.width)[...]))
            }
        }
        return found
    }

    /// Calls `body` with the hash function, the digest and the offset of each section; throws `.unsupported` where the
    /// format does not say the function.
    func each(
        _ body: (_ code: UInt64, _ digest: ArraySlice<UInt8>, _ offset: UInt64) throws(DecodingProblem) -> Void
    ) throws(DecodingProblem) {
        for table in tables {
            guard let code = table.code else {
                throw DecodingProblem(.unsupported, "The index does not say of which hash functions its digests are.")
            }
            for number in 0..<table.count {
                let start = table.start + number * table.width
                let entry = try read(start..<start + table.width)
                try body(code, entry.dropLast(8), littleEndian(entry.suffix(8)))
            }
        }
    }

    private func offsets(of digest: ArraySlice<UInt8>, in table: Table) throws(DecodingProblem) -> [UInt64] {
        var (low, high) = (UInt64(0), table.count)
        while low < high {
            let middle = low + (high - low) / 2
            if try entry(middle, table).digest.lexicographicallyPrecedes(digest) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        var found: [UInt64] = []
        while low < table.count {
            let entry = try entry(low, table)
            guard entry.digest.elementsEqual(digest) else { break }
            found.append(entry.offset)
            low += 1
        }
        return found
    }

    private func entry(
        _ number: UInt64,
        _ table: Table
    ) throws(DecodingProblem) -> (digest: ArraySlice<UInt8>, offset: UInt64) {
        let start = table.start + number * table.width
        let bytes = try read(start..<start + table.width)
        let end = Int(table.width) - 8
        return (bytes[..<end], littleEndian(bytes[end...]))
    }

    private static func tables(_ cursor: inout Cursor, code: UInt64?) throws(DecodingProblem) -> [Table] {
        var tables: [Table] = []
        for _ in 0..<(try cursor.number(4)) {
            let width = try cursor.number(4)
            let length = try cursor.number(8)
            guard (8...CARIndex.widest).contains(width), length.isMultiple(of: width) else {
                throw DecodingProblem(.malformed, "The index has entries of \(width) bytes in a table of \(length).")
            }
            guard tables.count < maxTables else {
                throw DecodingProblem(.malformed, "The index has more tables than there are lengths of digests.")
            }
            tables.append(Table(code: code, width: width, start: cursor.offset, count: length / width))
            try cursor.skip(length)
        }
        return tables
    }

    /// A place in the index, moved from one table to the next.
    private struct Cursor {
        let length: UInt64
        let read: Source
        var offset: UInt64 = 0

        mutating func number(_ count: UInt64) throws(DecodingProblem) -> UInt64 {
            let start = offset
            try skip(count)
            return littleEndian(try read(start..<offset)[...])
        }

        mutating func varint() throws(DecodingProblem) -> UInt64 {
            var reader = ByteReader(try read(0..<min(length, UInt64(Varint.maximumLength))))
            let value = try decoding { () throws(FormatProblem) in try reader.readVarint() }
            offset = UInt64(reader.offset)
            return value
        }

        mutating func skip(_ count: UInt64) throws(DecodingProblem) {
            guard count <= length - offset else {
                throw DecodingProblem(.truncated, "The index ends inside a table.")
            }
            offset += count
        }
    }
}
