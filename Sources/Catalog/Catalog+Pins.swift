package import Multiformats
package import Schema
internal import SQLite

extension Catalog {
    /// Pins roots, and marks every backend dirty in the same transaction.
    ///
    /// A root that is pinned already keeps its date; a name, metadata or replica count that is given replaces the old,
    /// but for names that nobody chose: `areNamesDefaults`. With `onlyNew` it keeps all that it says. All of them are
    /// the owner's from now on, also those that only requests kept.
    /// `store` says how new the store was in which they were seen whole, and its epoch.
    ///
    /// What is done later has a later time, also where the clock was set back meanwhile: another home, and a snapshot,
    /// tell by that what was said last.
    ///
    /// - Returns: the roots that were not pinned before.
    @discardableResult package func addPins(
        _ pins: [Pin],
        reason: String,
        store: StoreState? = nil,
        areNamesDefaults: Bool = false,
        onlyNew: Bool = false
    ) async throws(CatalogError) -> [CID] {
        let time = now()
        let added = try await writeAndTell { (database) throws(CatalogError) in
            var (added, changed): ([CID], [CID]) = ([], [])
            var sum = try database.pinSum()
            for pin in pins {
                try Pin.check(pin.name, pin.metadata, of: pin.cid)
                if try !database.isPinned(pin.cid) {
                    sum.toggle(pin.cid, by: 1)
                    added.append(pin.cid)
                } else if onlyNew {
                    try database.change("UPDATE pins SET is_owned = 1 WHERE cid = ?", [.blob(pin.cid.bytes)])
                    continue
                }
                if added.last != pin.cid, pin.says { changed.append(pin.cid) }
                try database.change(
                    """
                    INSERT INTO pins(\(Pin.columns), whole_epoch) VALUES(?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT(cid) DO UPDATE SET
                        name = CASE WHEN excluded.name = '' OR ?8 AND name <> '' THEN name ELSE excluded.name END,
                        metadata = CASE WHEN excluded.metadata = '{}' THEN metadata
                            WHEN json_valid(metadata) AND json_valid(excluded.metadata)
                            THEN json_patch(metadata, excluded.metadata) ELSE excluded.metadata END,
                        replicas = coalesce(excluded.replicas, replicas),
                        updated_at = max(excluded.updated_at, updated_at + 1),
                        whole_epoch = coalesce(excluded.whole_epoch, whole_epoch), is_owned = 1
                    """,
                    [
                        .blob(pin.cid.bytes), .text(pin.name), .text(pin.metadata),
                        .integer(pin.replicas.map(Int64.init)),
                        .integer(pin.createdAt.milliseconds),
                        .integer(max(pin.updatedAt.milliseconds, try database.unpinnedAt(pin.cid) + 1)),
                        .integer(store.map { Int64(bitPattern: $0.epoch) }), .integer(areNamesDefaults ? 1 : 0),
                    ]
                )
                try database.change("DELETE FROM unpinned WHERE cid = ?", [.blob(pin.cid.bytes)])
                if pin.metadata != "{}" { try database.checkMetadata(of: pin.cid) }
            }
            let events =
                added.map { CatalogEvent(.pinned, $0, message: reason) }
                + changed.map { CatalogEvent(.changed, $0, message: reason) }
            guard !onlyNew || !added.isEmpty else { return (added, events) }
            try database.setPinSum(sum)
            if let store { try database.raise("store_generation", to: Int64(clamping: store.generation)) }
            try database.markDirty(nil, reason: reason, at: time)
            return (added, events)
        }
        await tellPinsChanged()
        return added
    }

    /// Those of some texts that are no objects of JSON, or too long, and so no metadata.
    package func noMetadata(among texts: Set<String>) async throws(CatalogError) -> Set<String> {
        try await read { (database) throws(CatalogError) in
            var bad: Set<String> = []
            for text in texts {
                guard text.utf8.count <= Pin.longestText else {
                    bad.insert(text)
                    continue
                }
                let isObject = try database.first(
                    "SELECT CASE WHEN json_valid(?1) THEN json_type(?1) = 'object' ELSE 0 END",
                    [.text(text)]
                ) { (row: borrowing Row) throws(CatalogError) in row.int64(0) != 0 }
                if isObject != true { bad.insert(text) }
            }
            return bad
        }
    }

    /// Removes pins with all requests for them, and marks every backend dirty; returns the roots that were pinned, and
    /// how many requests there were for each.
    package func removePins(
        _ cids: [CID],
        reason: String
    ) async throws(CatalogError) -> [(root: CID, requests: Int)] {
        let time = now()
        let removed = try await writeAndTell { (database) throws(CatalogError) in
            var removed: [(root: CID, requests: Int)] = []
            var sum = try database.pinSum()
            for cid in cids {
                let requests = try database.change("DELETE FROM requests WHERE cid = ?", [.blob(cid.bytes)])
                guard try database.unpin(cid, at: time) else { continue }
                removed.append((cid, requests))
                sum.toggle(cid, by: -1)
            }
            if !removed.isEmpty {
                try database.setPinSum(sum)
                try database.markDirty(nil, reason: reason, at: time)
            }
            return (removed, removed.map { CatalogEvent(.unpinned, $0.root, message: reason) })
        }
        await tellPinsChanged()
        return removed
    }

    /// The roots that were pinned here and are no more, with the time at which they were unpinned.
    package func unpinned() async throws(CatalogError) -> [CID: Timestamp] {
        try await read { (database) throws(CatalogError) in
            let rows = try database.all("SELECT cid, unpinned_at FROM unpinned") {
                (row: borrowing Row) throws(CatalogError) in
                (try columnCID(row, 0), Timestamp(milliseconds: row.int64(1)))
            }
            return Dictionary(rows) { first, _ in first }
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

    /// All pins in the order of their CIDs, or those whose name has `text` in it; throws `corrupt` where some are lost.
    package func pins(nameContaining text: String? = nil) async throws(CatalogError) -> [Pin] {
        try await read { (database) throws(CatalogError) in
            let pins = try database.all("SELECT \(Pin.columns) FROM pins ORDER BY cid") {
                (row: borrowing Row) throws(CatalogError) in try Pin(row)
            }
            try database.pinSum().prove(pins.lazy.map(\.cid))
            guard let text else { return pins }
            return pins.filter { text.isEmpty || $0.name.contains(text) }
        }
    }

    /// How long the CARs of pinned roots are, in bytes, as far as that was observed somewhere.
    package func sizes() async throws(CatalogError) -> [CID: UInt64] {
        try await read { (database) throws(CatalogError) in
            var sizes: [CID: UInt64] = [:]
            try database.query(
                """
                SELECT pins.cid, max(size_bytes) FROM pins JOIN mappings ON mappings.cid = pins.cid
                    WHERE status = 'stored' AND size_bytes IS NOT NULL GROUP BY pins.cid
                """
            ) { (row: borrowing Row) throws(CatalogError) in
                sizes[try columnCID(row, 0)] = UInt64(exactly: row.int64(1))
            }
            return sizes
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

    /// The pinned roots that were not seen whole since the store lost something last, and whether each was before.
    package func pinsToLookAt(
        in epoch: UInt64
    ) async throws(CatalogError) -> [(root: CID, wasWhole: Bool)] {
        try await read { (database) throws(CatalogError) in
            try database.all(
                "SELECT cid, whole_epoch FROM pins WHERE whole_epoch IS NULL OR whole_epoch <> ? ORDER BY cid",
                [.integer(Int64(bitPattern: epoch))]
            ) { (row: borrowing Row) throws(CatalogError) in (try columnCID(row, 0), !row.isNull(1)) }
        }
    }

    /// Notes that pinned roots were seen whole in the store; where `epoch` is nil, that they were seen not to be.
    package func noteWhole(_ cids: [CID], in epoch: UInt64?) async throws(CatalogError) {
        guard !cids.isEmpty else { return }
        try await write { (database) throws(CatalogError) in
            for cid in cids {
                try database.change(
                    "UPDATE pins SET whole_epoch = ? WHERE cid = ?",
                    [.integer(epoch.map { Int64(bitPattern: $0) }), .blob(cid.bytes)]
                )
            }
        }
    }
}

/// How new a block store was, and the epoch of its losses, when it was looked at.
package struct StoreState: Sendable, Hashable {
    package let generation: UInt64
    package let epoch: UInt64

    package init(generation: UInt64, epoch: UInt64) {
        self.generation = generation
        self.epoch = epoch
    }
}

extension Database {
    /// Throws `tooLarge` where what was added to the metadata of a pin made it too much.
    fileprivate mutating func checkMetadata(of cid: CID) throws(CatalogError) {
        let text = try first("SELECT metadata FROM pins WHERE cid = ?", [.blob(cid.bytes)]) {
            (row: borrowing Row) throws(CatalogError) in row.text(0)
        }
        try Pin.check(text ?? "", of: cid)
    }

    /// When a root was unpinned; -1 where it was not.
    mutating func unpinnedAt(_ cid: CID) throws(CatalogError) -> Int64 {
        try first("SELECT unpinned_at FROM unpinned WHERE cid = ?", [.blob(cid.bytes)]) {
            (row: borrowing Row) throws(CatalogError) in row.int64(0)
        } ?? -1
    }

    /// Removes a pin that no request is left for, and leaves its trace; says whether there was one.
    mutating func unpin(_ cid: CID, at time: Int64) throws(CatalogError) -> Bool {
        try change(
            "INSERT OR REPLACE INTO unpinned SELECT cid, max(?2, updated_at) FROM pins WHERE cid = ?1",
            [.blob(cid.bytes), .integer(time)]
        )
        return try change("DELETE FROM pins WHERE cid = ?", [.blob(cid.bytes)]) > 0
    }

    fileprivate mutating func isPinned(_ cid: CID) throws(CatalogError) -> Bool {
        try first("SELECT 1 FROM pins WHERE cid = ?", [.blob(cid.bytes)]) { (row: borrowing Row) throws(CatalogError) in
            true
        } ?? false
    }

    /// Raises a number that is remembered, where it is lower.
    mutating func raise(_ key: String, to number: Int64) throws(CatalogError) {
        if try self.number(key) < number { try setValue(key, String(number)) }
    }
}
