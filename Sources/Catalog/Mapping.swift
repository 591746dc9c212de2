package import Multiformats
package import Schema
internal import SQLite

/// “CID c is on backend b at this path”, and how that is known.
package struct Mapping: Sendable, Hashable {
    /// What is known of the content on the backend.
    package enum Status: String, Sendable, Hashable, CaseIterable {
        /// Bytes or digests were compared and matched.
        case stored
        /// Somebody says so; nothing was compared yet.
        case pending
        /// The service said that it is not there.
        case missing
        /// Other bytes were read.
        case corrupt
        /// Nothing is known any more.
        case unknown
        /// What attempts that failed were called before the journal had them; read, and never written.
        case failed
    }

    /// How a status came to be known.
    package struct Evidence: Sendable, Hashable {
        /// The method of who asked the service, and compared nothing.
        package static let look = "looked-up"

        /// The method, such as `read-back`, `put-md5` or `listed-md5`.
        package let method: String
        package let at: Timestamp
        /// The host and the version of the program that looked.
        package let by: String

        package init(method: String, at: Timestamp, by: String) {
            self.method = method
            self.at = at
            self.by = by
        }

        /// The evidence in three columns of a row; nil where nobody has checked.
        init?(_ row: borrowing Row, from column: Int) {
            guard let at = row.optionalInt64(column) else { return nil }
            self.init(
                method: row.text(column + 1),
                at: Timestamp(milliseconds: at),
                by: row.text(column + 2)
            )
        }
    }

    package var cid: CID
    package var backend: String
    package var path: String
    /// The objects that hold its CAR together; empty where one does.
    package var shards: [Location.Shard]
    package var status: Status
    package var name: String
    /// An object of JSON, as text.
    package var metadata: String
    package var size: UInt64?
    package var blockCount: UInt64?
    package var carSHA256: [UInt8]?
    package var createdAt: Timestamp
    package var updatedAt: Timestamp
    /// nil for what nobody has checked.
    package var evidence: Evidence?
    /// Whether this kit stored it or compared it, so that it may remove it; what is only claimed may be somebody
    /// else's.
    package var isOurs: Bool
    /// Another one with every change: what was seen of an earlier one says nothing of this one.
    package var revision: Int64

    package init(
        cid: CID,
        backend: String,
        path: String,
        shards: [Location.Shard] = [],
        status: Status,
        name: String = "",
        metadata: String = "{}",
        size: UInt64? = nil,
        blockCount: UInt64? = nil,
        carSHA256: [UInt8]? = nil,
        createdAt: Timestamp,
        updatedAt: Timestamp? = nil,
        evidence: Evidence? = nil,
        isOurs: Bool = false,
        revision: Int64 = 1
    ) {
        self.cid = cid
        self.backend = backend
        self.path = path
        self.shards = shards
        self.status = status
        self.name = name
        self.metadata = metadata
        self.size = size
        self.blockCount = blockCount
        self.carSHA256 = carSHA256
        self.createdAt = createdAt
        self.updatedAt = updatedAt ?? createdAt
        self.evidence = evidence
        self.isOurs = isOurs
        self.revision = revision
    }

    /// The length of its CAR in bytes where that was observed; anybody may have claimed any other.
    package var observedSize: UInt64? { status == .stored ? size : nil }

    /// Where it is on the backend; nil where nobody said.
    package var location: Location? { path.isEmpty ? nil : Location(path, length: observedSize, shards: shards) }

    static let columns = """
        cid, backend, path, status, name, metadata, size_bytes, block_count, car_sha256, created_at, updated_at, \
        verified_at, verify_method, verified_by, is_ours, revision, shards
        """

    /// Sets all columns but the key to those of a row that has the same.
    static let replacing = columns.split(separator: ", ").dropFirst(2).map { "\($0) = excluded.\($0)" }
        .joined(separator: ", ")

    init(_ row: borrowing Row) throws(CatalogError) {
        self.init(
            cid: try columnCID(row, 0),
            backend: row.text(1),
            path: row.text(2),
            shards: try columnShards(row, 16),
            status: Status(rawValue: row.text(3)) ?? .unknown,
            name: row.text(4),
            metadata: row.text(5),
            size: row.optionalInt64(6).flatMap { UInt64(exactly: $0) },
            blockCount: row.optionalInt64(7).flatMap { UInt64(exactly: $0) },
            carSHA256: row.optionalBytes(8),
            createdAt: Timestamp(milliseconds: row.int64(9)),
            updatedAt: Timestamp(milliseconds: row.int64(10)),
            isOurs: row.int64(14) != 0,
            revision: row.int64(15)
        )
        evidence = Evidence(row, from: 11)
    }

    var values: [SQLValue] {
        [
            .blob(cid.bytes), .text(backend), .text(path), .text(status.rawValue), .text(name), .text(metadata),
            .integer(size.map { Int64(clamping: $0) }), .integer(blockCount.map { Int64(clamping: $0) }),
            .blob(carSHA256), .integer(createdAt.milliseconds), .integer(updatedAt.milliseconds),
            .integer(evidence?.at.milliseconds), .text(evidence?.method), .text(evidence?.by),
            .integer(isOurs ? 1 : 0), .integer(revision), .text(shards.column),
        ]
    }
}
