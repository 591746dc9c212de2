package import Multiformats
internal import SQLite

extension Catalog {
    /// Writes down transfers before they begin, so that a later run knows what may have arrived unrecorded.
    package func begin(_ cids: [CID], on backend: String) async throws(CatalogError) {
        let time = now()
        try await write { (database) throws(CatalogError) in
            for cid in cids {
                try database.change(
                    "INSERT OR REPLACE INTO transfers(backend, cid, started_at) VALUES(?, ?, ?)",
                    [.text(backend), .blob(cid.bytes), .integer(time)]
                )
            }
        }
    }

    /// The roots whose transfer to a backend began in an earlier run and was never recorded as ended.
    package func interrupted(on backend: String) async throws(CatalogError) -> Set<CID> {
        try await read { (database) throws(CatalogError) in
            var found: Set<CID> = []
            try database.query("SELECT cid FROM transfers WHERE backend = ?", [.text(backend)]) {
                (row: borrowing Row) throws(CatalogError) in found.insert(try columnCID(row, 0))
            }
            return found
        }
    }

    /// Takes transfers that did not happen, or that failed, out of the journal.
    package func forget(_ cids: [CID], on backend: String) async throws(CatalogError) {
        try await write { (database) throws(CatalogError) in
            for cid in cids {
                try database.change(
                    "DELETE FROM transfers WHERE backend = ? AND cid = ?",
                    [.text(backend), .blob(cid.bytes)]
                )
            }
        }
    }
}
