package import Multiformats
internal import Schema
internal import SQLite

extension Catalog {
    /// Pins roots, and marks every backend dirty in the same transaction.
    ///
    /// A root that is pinned already keeps its date; a name, metadata or replica count that is given replaces the old.
    package func addPins(_ pins: [Pin], reason: String) async throws(CatalogError) {
        let time = now()
        try await write { (database) throws(CatalogError) in
            for pin in pins {
                try database.change(
                    """
                    INSERT INTO pins(\(Pin.columns)) VALUES(?, ?, ?, ?, ?, ?)
                    ON CONFLICT(cid) DO UPDATE SET
                        name = CASE excluded.name WHEN '' THEN name ELSE excluded.name END,
                        metadata = CASE excluded.metadata WHEN '{}' THEN metadata ELSE excluded.metadata END,
                        replicas = coalesce(excluded.replicas, replicas), updated_at = excluded.updated_at
                    """,
                    [
                        .blob(pin.cid.bytes), .text(pin.name), .text(pin.metadata),
                        .integer(pin.replicas.map(Int64.init)),
                        .integer(pin.createdAt.milliseconds), .integer(pin.updatedAt.milliseconds),
                    ]
                )
            }
            try database.markDirty(nil, reason: reason, at: time)
        }
    }

    /// Removes pins and marks every backend dirty; returns the roots that were pinned.
    package func removePins(_ cids: [CID], reason: String) async throws(CatalogError) -> [CID] {
        let time = now()
        return try await write { (database) throws(CatalogError) in
            var removed: [CID] = []
            for cid in cids where try database.change("DELETE FROM pins WHERE cid = ?", [.blob(cid.bytes)]) > 0 {
                removed.append(cid)
            }
            if !removed.isEmpty { try database.markDirty(nil, reason: reason, at: time) }
            return removed
        }
    }

    /// The pin of a root, or nil where it is not pinned.
    package func pin(_ cid: CID) async throws(CatalogError) -> Pin? {
        try await read { (database) throws(CatalogError) in
            try database.first("SELECT \(Pin.columns) FROM pins WHERE cid = ?", [.blob(cid.bytes)]) {
                (row: borrowing Row) throws(CatalogError) in try Pin(row)
            }
        }
    }

    /// All pins in the order of their CIDs, or those whose name has `text` in it.
    package func pins(nameContaining text: String? = nil) async throws(CatalogError) -> [Pin] {
        try await read { (database) throws(CatalogError) in
            try database.all(
                "SELECT \(Pin.columns) FROM pins WHERE ?1 IS NULL OR instr(name, ?1) > 0 ORDER BY cid",
                [.text(text)]
            ) { (row: borrowing Row) throws(CatalogError) in try Pin(row) }
        }
    }

    /// How many roots are pinned.
    package func pinCount() async throws(CatalogError) -> Int {
        try await read { (database) throws(CatalogError) in
            try database.first("SELECT count(*) FROM pins") { (row: borrowing Row) throws(CatalogError) in
                Int(row.int64(0))
            } ?? 0
        }
    }
}
