package import Multiformats
internal import Schema
internal import SQLite

/// A root is pinned as long as its owner wants it, or a request for it is there.
///
/// What a pin that only requests keep is called, and its metadata, are those of the oldest of them. A pin that its
/// owner made says what he said, and stays when requests go.
extension Catalog {
    /// Notes a request, and pins its root where it is not pinned.
    package func addRequest(
        _ pin: RequestedPin,
        by requester: String
    ) async throws(CatalogError) -> PinRequest {
        try pin.check(by: requester)
        return try await changeRequests { (database, time) throws(CatalogError) in
            (try database.insertRequest(pin, by: requester, at: time), [pin.cid])
        }
    }

    /// Puts another request in the place of one, so that what both want stays pinned; nil where there is none.
    package func replaceRequest(
        _ id: String,
        with pin: RequestedPin,
        by requester: String
    ) async throws(CatalogError) -> PinRequest? {
        try pin.check(by: requester)
        return try await changeRequests { (database, time) throws(CatalogError) in
            guard let old = try database.request(id) else { return (nil, []) }
            let new = try database.insertRequest(pin, by: requester, at: time)
            try database.deleteRequest(id)
            return (new, [old.pin.cid, pin.cid])
        }
    }

    /// Removes a request, and unpins its root where nobody else wants it; gives the request, nil where it is not there.
    package func removeRequest(_ id: String) async throws(CatalogError) -> PinRequest? {
        try await changeRequests { (database, _) throws(CatalogError) in
            guard let old = try database.request(id) else { return (nil, []) }
            try database.deleteRequest(id)
            return (old, [old.pin.cid])
        }
    }

    /// One request, or nil where it is not there.
    package func request(_ id: String) async throws(CatalogError) -> PinRequest? {
        try await read { (database) throws(CatalogError) in try database.request(id) }
    }

    /// So many requests are listed at once.
    package static let maxListed = 1000

    /// The newest requests that a filter lets pass, and how many there are of these in all.
    ///
    /// The time of the last one in the filter (`before`) gives those that follow it.
    package func requests(
        _ filter: RequestFilter = RequestFilter(),
        limit: Int = Catalog.maxListed
    ) async throws(CatalogError) -> (requests: [PinRequest], count: Int) {
        let (sql, values) = filter.condition
        let limit = SQLValue.integer(Int64(min(max(limit, 0), Self.maxListed)))
        return try await read { (database) throws(CatalogError) in
            let count = try database.first("SELECT count(*) FROM requests WHERE \(sql)", values) {
                (row: borrowing Row) throws(CatalogError) in Int(row.int64(0))
            }
            let requests = try database.all(
                "SELECT \(PinRequest.columns) FROM requests WHERE \(sql) ORDER BY created_at DESC LIMIT ?",
                values + [limit]
            ) { (row: borrowing Row) throws(CatalogError) in try PinRequest(row) }
            return (requests, count ?? 0)
        }
    }

    /// The nodes that have a root, as those said who asked for it: each once, as many as one request may name.
    package func origins(of root: CID) async throws(CatalogError) -> [String] {
        var filter = RequestFilter()
        filter.cids = [root]
        var origins: [String] = []
        for origin in try await requests(filter).requests.flatMap(\.pin.origins) where !origins.contains(origin) {
            guard origins.count < RequestedPin.maxOrigins else { break }
            origins.append(origin)
        }
        return origins
    }

    /// How many requests there are for each of these roots; those that have none are left out.
    package func requestCounts(of roots: [CID]) async throws(CatalogError) -> [CID: Int] {
        try await read { (database) throws(CatalogError) in
            var counts: [CID: Int] = [:]
            for root in roots {
                let count = try database.first("SELECT count(*) FROM requests WHERE cid = ?", [.blob(root.bytes)]) {
                    (row: borrowing Row) throws(CatalogError) in Int(row.int64(0))
                }
                if let count, count > 0 { counts[root] = count }
            }
            return counts
        }
    }

    /// Whether a pin stays without any request; nil where the root is not pinned.
    package func isOwned(_ root: CID) async throws(CatalogError) -> Bool? {
        try await read { (database) throws(CatalogError) in try database.isOwned(root) }
    }

    /// The pinned roots that only requests keep.
    package func requestedOnly() async throws(CatalogError) -> Set<CID> {
        try await read { (database) throws(CatalogError) in
            Set(
                try database.all("SELECT cid FROM pins WHERE is_owned = 0") {
                    (row: borrowing Row) throws(CatalogError) in try columnCID(row, 0)
                }
            )
        }
    }

    /// Changes requests, and has the pins of the roots that `body` names follow them in the same transaction.
    ///
    /// The time that `body` is given is later than that of every request.
    private func changeRequests<Value: Sendable>(
        _ body: @escaping @Sendable (inout Database, _ time: Int64) throws(CatalogError) -> (Value, [CID])
    ) async throws(CatalogError) -> Value {
        let now = now()
        let (value, isChanged) = try await writeAndTell { (database) throws(CatalogError) in
            let newest = try database.first("SELECT max(created_at) FROM requests") {
                (row: borrowing Row) throws(CatalogError) in row.optionalInt64(0)
            }
            let time = max(now, (newest ?? nil).map { $0 + 1 } ?? now)
            let (value, roots) = try body(&database, time)
            var sum = try database.pinSum()
            var isChanged = false
            var events: [CatalogEvent] = []
            for root in Set(roots) {
                let wasPinned = try database.isOwned(root) != nil
                guard try database.followRequests(for: root, &sum, at: time) else { continue }
                isChanged = true
                let isPinned = try database.isOwned(root) != nil
                guard isPinned != wasPinned else { continue }
                events.append(CatalogEvent(isPinned ? .pinned : .unpinned, root, message: "pin request"))
            }
            if isChanged {
                try database.setPinSum(sum)
                try database.markDirty(nil, reason: "pin request", at: now)
            }
            return ((value, isChanged), events)
        }
        if isChanged { await tellPinsChanged() }
        return value
    }
}

extension Database {
    fileprivate mutating func request(_ id: String) throws(CatalogError) -> PinRequest? {
        try first("SELECT \(PinRequest.columns) FROM requests WHERE id = ?", [.text(id)]) {
            (row: borrowing Row) throws(CatalogError) in try PinRequest(row)
        }
    }

    fileprivate mutating func insertRequest(
        _ pin: RequestedPin,
        by requester: String,
        at time: Int64
    ) throws(CatalogError) -> PinRequest {
        let request = PinRequest(
            id: randomIdentifier(),
            pin: pin,
            createdAt: Timestamp(milliseconds: time),
            createdBy: requester
        )
        try change(
            "INSERT INTO requests(\(PinRequest.columns), folded_name) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(request.id), .blob(pin.cid.bytes), .text(pin.name), .text(pin.metadataText),
                .text(pin.originsText), .integer(time), .text(requester), .text(RequestFilter.folded(pin.name)),
            ]
        )
        return request
    }

    fileprivate mutating func isOwned(_ root: CID) throws(CatalogError) -> Bool? {
        try first("SELECT is_owned FROM pins WHERE cid = ?", [.blob(root.bytes)]) {
            (row: borrowing Row) throws(CatalogError) in row.int64(0) != 0
        }
    }

    fileprivate mutating func deleteRequest(_ id: String) throws(CatalogError) {
        try change("DELETE FROM requests WHERE id = ?", [.text(id)])
    }

    /// Makes a pin what the requests for its root say, unless its owner made it; says whether that changed it.
    fileprivate mutating func followRequests(
        for root: CID,
        _ sum: inout PinSum,
        at time: Int64
    ) throws(CatalogError) -> Bool {
        let cid = SQLValue.blob(root.bytes)
        let oldest = try first(
            "SELECT name, metadata FROM requests WHERE cid = ? ORDER BY created_at LIMIT 1",
            [cid]
        ) { (row: borrowing Row) throws(CatalogError) in (name: row.text(0), metadata: row.text(1)) }
        switch (try isOwned(root), oldest) {
        case (true, _), (nil, nil): return false
        case (false, nil):
            sum.toggle(root, by: -1)
            return try unpin(root, at: time)
        case (false, let oldest?):
            return try change(
                """
                UPDATE pins SET name = ?2, metadata = ?3, updated_at = max(?4, updated_at + 1)
                    WHERE cid = ?1 AND (name <> ?2 OR metadata <> ?3)
                """,
                [cid, .text(oldest.name), .text(oldest.metadata), .integer(time)]
            ) > 0
        case (nil, let oldest?):
            try change(
                """
                INSERT INTO pins(cid, name, metadata, created_at, updated_at, is_owned) VALUES(?, ?, ?, ?, ?, 0)
                """,
                [
                    cid, .text(oldest.name), .text(oldest.metadata), .integer(time),
                    .integer(max(time, try unpinnedAt(root) + 1)),
                ]
            )
            try change("DELETE FROM unpinned WHERE cid = ?", [cid])
            sum.toggle(root, by: 1)
            return true
        }
    }
}
