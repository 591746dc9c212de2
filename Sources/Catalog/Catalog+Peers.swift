package import Schema
internal import SQLite

/// A home that keeps content on a backend too: of another kit, or another home of the same one.
package struct Peer: Sendable, Hashable {
    package let backend: String
    package let kit: String
    /// The home, by its identifier; empty for a kit of the time when homes did not announce themselves.
    package let instance: String
    package let firstSeen: Timestamp
    /// When it was last at work there, by the clock of the service.
    package let lastSeen: Timestamp
    /// When this home noticed that, by its own clock; nil where it was so at the first look.
    package let noticedAt: Timestamp?
    /// Up to which time the owner said that it does not matter any more.
    package let forgottenAt: Timestamp?
    /// Up to which time the owner said that this home is right, and not that one.
    package let acceptedAt: Timestamp?

    /// Whether the owner said that it is gone, and nothing was seen of it since.
    package var isForgotten: Bool { forgottenAt == lastSeen }

    /// Whether it counts as being at work there: it was seen within 30 days, by the clock of the service or by that of
    /// this home, and was not forgotten since.
    ///
    /// Either clock may be wrong. Nil says that the time of the service is that of this home.
    package func isActive(at time: Timestamp, service: Timestamp? = nil) -> Bool {
        guard !isForgotten else { return false }
        func isRecent(_ moment: Timestamp, _ now: Timestamp) -> Bool {
            now.milliseconds - moment.milliseconds < Self.patience
        }
        return isRecent(lastSeen, service ?? time) || noticedAt.map { isRecent($0, time) } ?? false
    }

    /// 30 days, in milliseconds.
    private static let patience: Int64 = 30 * 86_400_000
}

extension Catalog {
    /// Notes the homes that were seen on a backend, and when each was last at work there, by the clock of the service.
    ///
    /// Another date than at the last look is news, whatever date it is; at the first look nothing is.
    package func notePeers(
        _ seen: [(kit: String, instance: String, at: Timestamp)],
        isFirstLook: Bool,
        under lease: Lease
    ) async throws(CatalogError) {
        guard !seen.isEmpty else { return }
        let time = now()
        try await write(under: lease) { (database) throws(CatalogError) in
            for peer in seen {
                try database.change(
                    """
                    INSERT INTO peers(backend, kit, instance, first_seen, last_seen, noticed_at)
                        VALUES(?1, ?2, ?3, ?4, ?4, CASE WHEN ?6 THEN ?5 END)
                        ON CONFLICT(backend, kit, instance) DO UPDATE SET
                            noticed_at = CASE WHEN last_seen = excluded.last_seen THEN noticed_at ELSE ?5 END,
                            last_seen = excluded.last_seen
                    """,
                    [
                        .text(lease.backend), .text(peer.kit), .text(peer.instance),
                        .integer(peer.at.milliseconds), .integer(time), .integer(isFirstLook ? 0 : 1),
                    ]
                )
            }
        }
    }

    /// The homes but `own` that count as being at work on backends now.
    package func activePeers(besides own: String) async throws(CatalogError) -> [Peer] {
        let now = time
        return try await peers().filter { $0.instance != own && $0.isActive(at: now) }
    }

    /// The homes that were seen on a backend, or on all.
    package func peers(on backend: String? = nil) async throws(CatalogError) -> [Peer] {
        try await read { (database) throws(CatalogError) in
            try database.all(
                """
                SELECT backend, kit, instance, first_seen, last_seen, forgotten_at, accepted_at, noticed_at FROM peers
                    WHERE ?1 IS NULL OR backend = ?1 ORDER BY backend, kit, instance
                """,
                [.text(backend)]
            ) { (row: borrowing Row) throws(CatalogError) in
                Peer(
                    backend: row.text(0),
                    kit: row.text(1),
                    instance: row.text(2),
                    firstSeen: Timestamp(milliseconds: row.int64(3)),
                    lastSeen: Timestamp(milliseconds: row.int64(4)),
                    noticedAt: row.optionalInt64(7).map { Timestamp(milliseconds: $0) },
                    forgottenAt: row.optionalInt64(5).map { Timestamp(milliseconds: $0) },
                    acceptedAt: row.optionalInt64(6).map { Timestamp(milliseconds: $0) }
                )
            }
        }
    }

    /// Forgets a home, or all of a kit, on every backend, unless it is seen again; returns how many there were.
    package func forgetPeers(_ identifier: String) async throws(CatalogError) -> Int {
        try await write { (database) throws(CatalogError) in
            try database.change(
                """
                UPDATE peers SET forgotten_at = last_seen WHERE (instance = ?1 OR kit = ?1)
                    AND instance IS NOT (SELECT value FROM kit WHERE key = 'instance_id')
                """,
                [.text(identifier)]
            )
        }
    }

    /// Notes the owner's word that this home is right where others of its kit know something newer.
    package func acceptOver(kit: String) async throws(CatalogError) {
        let time = now()
        try await writeAndTell { (database) throws(CatalogError) in
            try database.change(
                "UPDATE peers SET accepted_at = max(?2, last_seen) WHERE kit = ?1",
                [.text(kit), .integer(time)]
            )
            // For backends on which nobody has looked for others yet.
            try database.setValue("accepted_at", String(max(time, try database.number("accepted_at"))))
            let reason = "an older catalog was taken for the right one"
            try database.doubt(because: reason, at: time)
            let names = try database.all("SELECT name FROM backends") { (row: borrowing Row) throws(CatalogError) in
                row.text(0)
            }
            return ((), names.map { CatalogEvent(.doubted, on: $0, message: reason) })
        }
    }

    /// Up to which time the owner said that this home is right, on all backends; 0 where he said nothing.
    package func acceptedTime() async throws(CatalogError) -> Int64 {
        try await read { (database) throws(CatalogError) in try database.number("accepted_at") }
    }

    /// Notes the object by which this home announced itself on a backend, and what tells it from every copy of it.
    package func noteMarker(_ name: String?, identity: String?, under lease: Lease) async throws(CatalogError) {
        let time = now()
        try await write(under: lease) { (database) throws(CatalogError) in
            try database.change(
                "UPDATE backends SET marker = ?2, marked_at = ?3, marker_identity = ?4 WHERE name = ?1",
                [.text(lease.backend), .text(name), .integer(time), .text(identity)]
            )
        }
    }

    /// Notes that a backend is a place of its own, whatever was known of it.
    package func separate(under lease: Lease) async throws(CatalogError) {
        try await write(under: lease) { (database) throws(CatalogError) in
            // Its incarnation may be what several of them are one place by.
            let values: [SQLValue] = [.text(lease.backend), .text(randomIdentifier())]
            try database.change("UPDATE backends SET place = ?2 WHERE name = ?1", values)
        }
    }

    /// Notes that backends are one place under several names; it counts once from now on.
    package func join(places: [String], under lease: Lease) async throws(CatalogError) {
        try await write(under: lease) { (database) throws(CatalogError) in
            guard let first = places.min() else { return }
            for place in places {
                try database.change("UPDATE backends SET place = ?2 WHERE place = ?1", [.text(place), .text(first)])
            }
        }
    }
}
