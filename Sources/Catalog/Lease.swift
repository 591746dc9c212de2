internal import POSIX
internal import SQLite

/// The right of one process to sync one backend.
///
/// It ends by itself unless it is renewed.
package struct Lease: Sendable, Hashable {
    package let backend: String
    let token: String

    /// How long a lease lasts without renewal, in milliseconds.
    package static let duration: Int64 = 60_000
}

/// Who has a lease that somebody else wanted.
package struct LeaseHolder: Error, Sendable, Hashable {
    package let process: Int32
    package let host: String
}

extension Catalog {
    /// Takes the lease of a backend, or says who has it.
    ///
    /// A lease that ran out, or whose process on this machine has ended, is taken over.
    package func takeLease(_ backend: String) async throws(CatalogError) -> Result<Lease, LeaseHolder> {
        let time = now()
        let lease = Lease(backend: backend, token: String(UInt64.random(in: 0...UInt64.max), radix: 36))
        let (host, boot, process) = (hostName, bootIdentifier, processIdentifier)
        return try await write { (database) throws(CatalogError) in
            let holder = try database.first(
                "SELECT host, boot, process, expires_at FROM leases WHERE backend = ?",
                [.text(backend)]
            ) { (row: borrowing Row) throws(CatalogError) -> LeaseHolder? in
                let other = Int32(truncatingIfNeeded: row.int64(2))
                let isHere = row.text(0) == host
                let isOver = isHere && (row.text(1) != boot || !processIsAlive(other))
                return isOver || row.int64(3) < time ? nil : LeaseHolder(process: other, host: row.text(0))
            }
            if let holder = holder ?? nil { return .failure(holder) }
            try database.change(
                "INSERT OR REPLACE INTO leases(backend, token, host, boot, process, expires_at) VALUES(?, ?, ?, ?, ?, ?)",
                [
                    .text(backend), .text(lease.token), .text(host), .text(boot), .integer(Int64(process)),
                    .integer(time + Lease.duration),
                ]
            )
            return .success(lease)
        }
    }

    /// Renews a lease; false when somebody else has taken it meanwhile.
    package func renew(_ lease: Lease) async throws(CatalogError) -> Bool {
        let time = now()
        return try await write { (database) throws(CatalogError) in
            try database.change(
                "UPDATE leases SET expires_at = ?3 WHERE backend = ?1 AND token = ?2",
                [.text(lease.backend), .text(lease.token), .integer(time + Lease.duration)]
            ) > 0
        }
    }

    /// Gives a lease back.
    package func release(_ lease: Lease) async throws(CatalogError) {
        try await write { (database) throws(CatalogError) in
            _ = try database.change(
                "DELETE FROM leases WHERE backend = ? AND token = ?",
                [.text(lease.backend), .text(lease.token)]
            )
        }
    }
}
