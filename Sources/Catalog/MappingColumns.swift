package import Multiformats
package import Schema
internal import SQLite

/// Mappings of one backend side by side, column by column.
///
/// No row is a value of its own, and no text of it: that is what makes a million of them cheap.
package struct MappingColumns: Sendable {
    /// The texts, or the bytes, of all rows one behind the other.
    package struct Texts: Sendable {
        package fileprivate(set) var bytes: [UInt8] = []
        /// Where each row ends, with a 0 before the first.
        package fileprivate(set) var offsets: [Int64] = [0]

        /// Those of a row.
        package subscript(row: Int) -> ArraySlice<UInt8> { bytes[Int(offsets[row])..<Int(offsets[row + 1])] }

        fileprivate mutating func end() { offsets.append(Int64(bytes.count)) }
    }

    /// Numbers, of which any may be missing.
    package struct Numbers: Sendable {
        package fileprivate(set) var values: [Int64] = []
        /// 0 for a row without a value.
        package fileprivate(set) var valid: [UInt8] = []

        /// That of a row, or nil.
        package subscript(row: Int) -> Int64? { valid[row] == 0 ? nil : values[row] }

        fileprivate mutating func append(_ value: Int64?) {
            values.append(value ?? 0)
            valid.append(value == nil ? 0 : 1)
        }
    }

    package private(set) var cids: [CID] = []
    /// The CIDs as text.
    package private(set) var cidTexts = Texts()
    package private(set) var paths = Texts()
    package private(set) var statuses = Texts()
    package private(set) var names = Texts()
    package private(set) var metadata = Texts()
    package private(set) var sizes = Numbers()
    package private(set) var blockCounts = Numbers()
    /// Empty where it is not known.
    package private(set) var carSHA256 = Texts()
    package private(set) var createdAt: [Int64] = []
    package private(set) var updatedAt: [Int64] = []
    /// Missing where nobody has checked; then the method, and who it was, are empty.
    package private(set) var verifiedAt = Numbers()
    package private(set) var verifyMethods = Texts()
    package private(set) var verifiedBy = Texts()

    /// Those of the rows that have some, by the number of the row.
    package private(set) var shards: [Int: [Location.Shard]] = [:]

    /// How many rows there are.
    package var count: Int { cids.count }

    /// Appends the row of a query for the columns of ``Mapping``; with `isAstray`, nothing counts as stored.
    mutating func append(_ row: borrowing Row, isAstray: Bool) throws(CatalogError) {
        let cid = try columnCID(row, 0)
        if !row.isNull(16) { shards[count] = try columnShards(row, 16) }
        cids.append(cid)
        cid.appendText(to: &cidTexts.bytes)
        row.appendText(2, to: &paths.bytes)
        let status = Mapping.Status(rawValue: row.text(3)) ?? .unknown
        statuses.bytes += (isAstray && status == .stored ? .unknown : status).rawValue.utf8
        row.appendText(4, to: &names.bytes)
        row.appendText(5, to: &metadata.bytes)
        sizes.append(row.optionalInt64(6).flatMap { $0 < 0 ? nil : $0 })
        blockCounts.append(row.optionalInt64(7).flatMap { $0 < 0 ? nil : $0 })
        row.appendBytes(8, to: &carSHA256.bytes)
        createdAt.append(row.int64(9))
        updatedAt.append(row.int64(10))
        verifiedAt.append(row.optionalInt64(11))
        if verifiedAt.valid.last == 1 {
            row.appendText(12, to: &verifyMethods.bytes)
            row.appendText(13, to: &verifiedBy.bytes)
        }
        cidTexts.end()
        paths.end()
        statuses.end()
        names.end()
        metadata.end()
        carSHA256.end()
        verifyMethods.end()
        verifiedBy.end()
    }
}
