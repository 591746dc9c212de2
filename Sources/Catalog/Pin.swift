package import Multiformats
package import Schema
internal import SQLite

/// A root that shall be kept.
package struct Pin: Sendable, Hashable {
    package var cid: CID
    package var name: String
    /// An object of JSON, as text.
    package var metadata: String
    /// How many replicas are wanted; nil leaves it to the policy.
    package var replicas: Int?
    package var createdAt: Timestamp
    package var updatedAt: Timestamp

    package init(
        cid: CID,
        name: String = "",
        metadata: String = "{}",
        replicas: Int? = nil,
        createdAt: Timestamp,
        updatedAt: Timestamp? = nil
    ) {
        self.cid = cid
        self.name = name
        self.metadata = metadata
        self.replicas = replicas
        self.createdAt = createdAt
        self.updatedAt = updatedAt ?? createdAt
    }

    /// The longest name, and the longest metadata, of a pin or a mapping, in bytes: every row fits a page of a
    /// snapshot.
    package static let longestText = 512 << 10

    /// Throws `tooLarge` for a name or metadata that would not go along in snapshots.
    package static func check(_ texts: String..., of cid: CID) throws(CatalogError) {
        guard let length = texts.map(\.utf8.count).max(), length > longestText else { return }
        throw CatalogError(
            .tooLarge,
            "The name or the metadata of \(cid) would have \(length) bytes; at most \(longestText) are kept."
        )
    }

    static let columns = "cid, name, metadata, replicas, created_at, updated_at"

    init(_ row: borrowing Row) throws(CatalogError) {
        self.init(
            cid: try columnCID(row, 0),
            name: row.text(1),
            metadata: row.text(2),
            replicas: row.optionalInt64(3).map { Int($0) },
            createdAt: Timestamp(milliseconds: row.int64(4)),
            updatedAt: Timestamp(milliseconds: row.int64(5))
        )
    }
}

/// The CID in a column; bytes that are none mean that the file is damaged.
func columnCID(_ row: borrowing Row, _ column: Int) throws(CatalogError) -> CID {
    do throws(FormatProblem) {
        return try CID(bytes: row.bytes(column))
    } catch {
        throw CatalogError(.corrupt, "The catalog holds bytes where a CID should be: \(error.message)")
    }
}

extension Pin {
    /// A pin of which nobody said anything: whatever was, or will be, said elsewhere is later.
    package init(unspoken cid: CID, createdAt: Timestamp) {
        self.init(cid: cid, createdAt: createdAt, updatedAt: Self.unspoken)
    }

    private static let unspoken = Timestamp(milliseconds: 0)

    /// Whether it says more than that the root is pinned.
    var says: Bool { !name.isEmpty || metadata != "{}" || replicas != nil }

    /// When it was changed last; nil where nobody said anything of it yet.
    package var changedAt: Timestamp? { updatedAt == Self.unspoken ? nil : updatedAt }

    /// What it says that the pin of the home does not: it was changed later, or that has neither name nor metadata.
    ///
    /// Whoever can write to the backend can say so, so no fewer replicas are wanted by that.
    package func news(for known: Pin?) -> Pin? {
        guard let known else { return nil }
        let isNameless = known.name.isEmpty && known.metadata == "{}" && (!name.isEmpty || metadata != "{}")
        guard updatedAt > known.updatedAt || isNameless else { return nil }
        var pin = self
        // Where all backends are wanted, or more, that stays.
        pin.replicas = known.replicas.flatMap { wanted in replicas.flatMap { $0 > wanted ? $0 : nil } }
        if pin.name.isEmpty { pin.name = known.name }
        guard (pin.name, pin.metadata) != (known.name, known.metadata) || pin.replicas != nil else { return nil }
        return pin
    }
}
