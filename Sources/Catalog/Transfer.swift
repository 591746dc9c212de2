package import Multiformats
package import Schema
internal import SQLite

/// An upload or a removal that began, and of which nobody knows yet how it ended: a row of the journal.
package struct Transfer: Sendable, Hashable {
    /// What began.
    package enum Kind: String, Sendable, Hashable { case store, remove }

    package let cid: CID
    package let kind: Kind
    /// Where it is, or may be, on the backend; empty where only the usual place is possible.
    package let path: String
    /// What the service gave for work that it has not done yet, and when it is to be asked again.
    package let ticket: String?
    package let nextAt: Timestamp?
    /// How often it was tried.
    package let tries: Int
    package let lastError: String?
    package let startedAt: Timestamp

    /// Whether the service works on it, and is not to be asked before a later time.
    package func waits(at time: Timestamp) -> Bool { nextAt.map { $0 > time } ?? false }

    static let columns = "cid, kind, path, tries, last_error, started_at, ticket, next_at"

    init(_ row: borrowing Row) throws(CatalogError) {
        cid = try columnCID(row, 0)
        kind = Kind(rawValue: row.text(1)) ?? .store
        path = row.text(2)
        tries = Int(row.int64(3))
        lastError = row.optionalText(4)
        startedAt = Timestamp(milliseconds: row.int64(5))
        ticket = row.optionalText(6)
        nextAt = row.optionalInt64(7).map { Timestamp(milliseconds: $0) }
    }
}

/// Why a root may be removed from a backend: what must still be so when the request is sent.
package enum Removal: Sendable, Hashable {
    /// No pin wants it.
    case unwanted
    /// So many other verified copies are on these backends, and the pin is the one that was planned for.
    case surplus(minimum: Int, others: [String], pinChangedAt: Timestamp)
}
