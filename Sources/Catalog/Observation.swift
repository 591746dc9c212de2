package import Multiformats
package import Schema
internal import SQLite

/// What somebody saw, or said, of a root on a backend.
package struct Observation: Sendable, Hashable {
    /// What was found.
    package enum Finding: String, Sendable, Hashable {
        /// All of it, as it should be.
        case whole
        /// The service said that it is not there.
        case missing
        /// Other bytes than there should be.
        case damaged
        /// The service said that it has it, and did not give it.
        case withheld
        /// It is there; nothing was compared.
        case present
        /// Somebody says that it is there.
        case claimed
        /// It was removed.
        case removed
    }

    /// How it was found, from what proves least to what proves most.
    package enum Strength: Int, Sendable, Comparable {
        case word = 10
        case digest = 90
        case readBack = 100

        package static func < (left: Strength, right: Strength) -> Bool { left.rawValue < right.rawValue }
    }

    package let cid: CID
    package let finding: Finding
    /// The method, such as `read-back`, `put-md5`, `listed-md5`, `asked` or `claim`.
    package let method: String
    /// Where it was looked for, or stored; nil where nobody said.
    package let place: Location?
    package var size: UInt64?
    package var blockCount: UInt64?
    package var carSHA256: [UInt8]?
    /// What more there is to say.
    package var detail: String?
    package let at: Timestamp
    /// The host and the version of the program that looked.
    package let by: String
    /// The revision of the mapping when the look began; nil where there was none.
    package var basis: Int64?
    /// Whether it was sent there just now, and not found there.
    package var wasSent = false

    package init(
        _ cid: CID,
        _ finding: Finding,
        method: String,
        place: Location?,
        size: UInt64? = nil,
        blockCount: UInt64? = nil,
        carSHA256: [UInt8]? = nil,
        detail: String? = nil,
        at: Timestamp,
        by: String,
        basis: Int64? = nil
    ) {
        self.cid = cid
        self.finding = finding
        self.method = method
        self.place = place
        self.size = size
        self.blockCount = blockCount
        self.carSHA256 = carSHA256
        self.detail = detail
        self.at = at
        self.by = by
        self.basis = basis
    }

    /// The name of its CAR there; empty where nobody said.
    package var path: String { place?.path ?? "" }

    /// What the method proves.
    package var strength: Strength { Self.strength(of: method) }

    /// Whether it was stored just now, so that older findings are of other bytes.
    var isNewStore: Bool { finding == .whole && method.hasPrefix("put-") }

    static func strength(of method: String) -> Strength {
        if method.hasSuffix("read-back") { return .readBack }
        return method.hasPrefix("put-") || method.hasPrefix("listed-") ? .digest : .word
    }

    static let columns = """
        cid, backend, path, finding, method, confidence, detail, size_bytes, block_count, car_sha256, observed_at, observed_by, \
        shards
        """

    init(_ row: borrowing Row) throws(CatalogError) {
        self.init(
            try columnCID(row, 0),
            Finding(rawValue: row.text(3)) ?? .claimed,
            method: row.text(4),
            place: row.text(2).isEmpty ? nil : Location(row.text(2), shards: try columnShards(row, 12)),
            size: row.optionalInt64(7).flatMap { UInt64(exactly: $0) },
            blockCount: row.optionalInt64(8).flatMap { UInt64(exactly: $0) },
            carSHA256: row.optionalBytes(9),
            detail: row.optionalText(6),
            at: Timestamp(milliseconds: row.int64(10)),
            by: row.text(11)
        )
    }

    func values(on backend: String) -> [SQLValue] {
        [
            .blob(cid.bytes), .text(backend), .text(path), .text(finding.rawValue), .text(method),
            .integer(Int64(strength.rawValue)), .text(detail.map { Redactor.shared.clean($0) }),
            .integer(size.map { Int64(clamping: $0) }), .integer(blockCount.map { Int64(clamping: $0) }),
            .blob(carSHA256), .integer(at.milliseconds), .text(by),
            .text(place?.shards.column),
        ]
    }
}
