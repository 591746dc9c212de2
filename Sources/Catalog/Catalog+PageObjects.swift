internal import SQLite

/// An object on a backend with pages that snapshots of this home share.
package struct PageObject: Sendable, Hashable {
    package let name: String
    /// Its length, in bytes.
    package let length: UInt64
    /// The SHA-256 of each block in it, one behind the other.
    package let blocks: [UInt8]
    /// How many of the blocks the newest snapshot needs.
    package var live: Int
    /// The time of the first snapshot that needs none of them, in milliseconds; nil while the newest one does.
    package var retiredAt: Int64?

    package init(name: String, length: UInt64, blocks: [UInt8], live: Int, retiredAt: Int64? = nil) {
        self.name = name
        self.length = length
        self.blocks = blocks
        self.live = live
        self.retiredAt = retiredAt
    }
}

extension Catalog {
    /// The objects with shared pages that this home left on a backend.
    package func pageObjects(on backend: String) async throws(CatalogError) -> [PageObject] {
        try await read { (database) throws(CatalogError) in
            try database.all(
                """
                SELECT o.name, length, digests, live, retired_at FROM page_objects o
                    JOIN page_digests d ON d.backend = o.backend AND d.name = o.name
                    WHERE o.backend = ? ORDER BY o.name
                """,
                [.text(backend)]
            ) { (row: borrowing Row) throws(CatalogError) in
                PageObject(
                    name: row.text(0),
                    length: UInt64(clamping: row.int64(1)),
                    blocks: row.bytes(2),
                    live: Int(row.int64(3)),
                    retiredAt: row.optionalInt64(4)
                )
            }
        }
    }

    /// Forgets objects with shared pages that are not there any more.
    package func forgetPageObjects(_ names: [String], under lease: Lease) async throws(CatalogError) {
        guard !names.isEmpty else { return }
        try await write(under: lease) { (database) throws(CatalogError) in
            for name in names { try database.forgetPageObjects(on: lease.backend, name) }
        }
    }
}

extension Database {
    /// Notes objects as they are now; whoever is known already has the same blocks.
    mutating func note(_ objects: [PageObject], on backend: String) throws(CatalogError) {
        for object in objects {
            let retired = SQLValue.integer(object.retiredAt)
            let isKnown =
                try change(
                    "UPDATE page_objects SET live = ?3, retired_at = ?4 WHERE backend = ?1 AND name = ?2",
                    [.text(backend), .text(object.name), .integer(Int64(object.live)), retired]
                ) > 0
            if isKnown { continue }
            try change(
                "INSERT INTO page_objects(backend, name, length, live, retired_at) VALUES(?, ?, ?, ?, ?)",
                [
                    .text(backend), .text(object.name), .integer(Int64(clamping: object.length)),
                    .integer(Int64(object.live)), retired,
                ]
            )
            try change(
                "INSERT OR REPLACE INTO page_digests(backend, name, digests) VALUES(?, ?, ?)",
                [.text(backend), .text(object.name), .blob(object.blocks)]
            )
        }
    }

    /// Forgets in which objects of a backend, or of all, pages are: those of one name, or all.
    mutating func forgetPageObjects(on backend: String?, _ name: String? = nil) throws(CatalogError) {
        for table in ["page_objects", "page_digests"] {
            try change(
                "DELETE FROM \(table) WHERE backend = coalesce(?1, backend) AND name = coalesce(?2, name)",
                [.text(backend), .text(name)]
            )
        }
    }
}
