internal import POSIX
internal import Schema
internal import SQLite
internal import Synchronization

extension Catalog {
    /// What this home is, among all that a kit has.
    package struct Identity: Sendable, Hashable {
        /// The kit, which a recovered home goes on with.
        package let kit: String
        /// This home: a copy of it is another one.
        package let instance: String
        /// This catalog, by which a store knows its own.
        package let catalog: String
        /// Whether the home was found to be a copy, or moved to another disk, just now.
        package let isNewInstance: Bool
    }

    /// The identity of this home.
    package func identity() async throws(CatalogError) -> Identity {
        let isNew = isNewInstance
        return try await read { (database) throws(CatalogError) in
            guard let known = try database.identity() else {
                throw CatalogError(.unexpected, "The catalog does not keep the identity of the home.")
            }
            return Identity(kit: known.kit, instance: known.instance, catalog: known.catalog, isNewInstance: isNew)
        }
    }

    /// Makes a catalog that was copied, or put back, that of another home of the same kit; says whether it was one.
    ///
    /// A copy is known by the number and the birth of its file, which no copy has in common with what it was made of.
    /// It gets a name of its own, so that a store that belongs to the one is not taken for that of the other.
    static func settle(
        _ database: inout Database,
        at path: String,
        _ locks: String,
        _ time: Int64
    ) throws(CatalogError) -> Bool {
        let mark: String
        do throws(FileError) { mark = try birthMark(path).text } catch { throw CatalogError(error) }
        if let known = try database.identity(), known.mark == mark { return false }
        let lock = try lock(locks)
        defer { withExtendedLifetime(lock) {} }
        return try database.transaction(.immediate) { (database: inout Database) throws(CatalogError) in
            if let known = try database.identity(), known.mark == mark { return false }
            let isCopy = try database.value("instance_id") != nil
            if isCopy, let name = try database.value("catalog_id") {
                if try database.value("former_catalog_id") == nil { try database.setValue("former_catalog_id", name) }
                try database.setValue("catalog_id", randomIdentifier())
            }
            for key in ["kit_id", "catalog_id"] where try database.value(key) == nil {
                try database.setValue(key, randomIdentifier())
            }
            // What this home was before left nothing that it does not know.
            if let former = try database.value("instance_id") {
                try database.raise(knownKey(former), to: try database.number("snapshot_time"))
            }
            try database.setValue("instance_id", randomIdentifier())
            try database.setValue("instance_mark", mark)
            // What the copy was made of goes on with its own announcements.
            try database.change("UPDATE backends SET marked_at = NULL")
            // Nor is what was planned there applied a second time here.
            if isCopy { try database.change("DELETE FROM plans") }
            if isCopy { try database.doubt(because: "the home was copied, or put back", at: time) }
            return isCopy
        }
    }

    /// Notes that everything is known here that another home of the kit left in its snapshots up to a time, in
    /// milliseconds.
    package func noteKnown(_ homes: [(instance: String, time: Int64)]) async throws(CatalogError) {
        try await write { (database) throws(CatalogError) in
            for home in homes where !home.instance.isEmpty {
                try database.raise(knownKey(home.instance), to: home.time)
            }
        }
    }

    /// Up to which time of their snapshots this home knows what other homes knew, in milliseconds.
    package func knownSnapshots() async throws(CatalogError) -> [String: Int64] {
        try await read { (database) throws(CatalogError) in
            let rows = try database.all("SELECT key, value FROM kit WHERE substr(key, 1, 6) = 'knows:'") {
                (row: borrowing Row) throws(CatalogError) in
                (instance: String(row.text(0).dropFirst(6)), time: Int64(row.text(1)) ?? 0)
            }
            return Dictionary(rows.map { ($0.instance, $0.time) }) { first, _ in first }
        }
    }

    /// Up to which time of their snapshots this home knows what other homes of the kit knew, in milliseconds, or does
    /// not care, as its owner called them gone.
    ///
    /// One against which this home was taken for right goes its own way, and what it pinned counts.
    package func knownHomes(of kit: String) async throws(CatalogError) -> [String: Int64] {
        let now = time.milliseconds
        let peers = try await peers().filter { $0.kit == kit && !$0.instance.isEmpty }
        var known = try await knownSnapshots()
        for peer in peers where peer.isForgotten { known[peer.instance] = max(known[peer.instance] ?? 0, now) }
        return known
    }

    /// How far the list of pins has come: counts up with every change of it.
    package func pinsGeneration() async throws(CatalogError) -> UInt64 {
        try await read { (database) throws(CatalogError) in
            UInt64(clamping: try database.number("pins_generation"))
        }
    }

    /// How new the store was when something in it was pinned last.
    package func storeGeneration() async throws(CatalogError) -> UInt64 {
        try await read { (database) throws(CatalogError) in
            UInt64(clamping: try database.number("store_generation"))
        }
    }
}

/// Under which it is remembered how much of another home is known.
private func knownKey(_ instance: String) -> String { "knows:" + instance }

/// What a catalog says of itself, and of the store that belongs to it.
package struct OwnState: Sendable, Hashable {
    /// The name by which the store knows its owner; nil in a catalog that was made just now, or by an earlier version.
    package let catalog: String?
    /// The name that it had until it turned out to be a copy; nil once the store knows the new one.
    package let formerCatalog: String?
    /// The identity of the store; nil where none was noted yet.
    package let store: String?
    /// How new the store was when something in it was pinned last.
    package let storeGeneration: UInt64
    /// How far the list of pins has come.
    package let pinsGeneration: UInt64

    init(_ database: inout Database) throws(CatalogError) {
        catalog = try database.value("catalog_id")
        formerCatalog = try database.value("former_catalog_id")
        store = try database.value("store_id")
        storeGeneration = UInt64(clamping: try database.number("store_generation"))
        pinsGeneration = UInt64(clamping: try database.number("pins_generation"))
    }
}

/// The identifiers of a home, with what its file was known by.
private struct NotedIdentity {
    let kit: String
    let instance: String
    let catalog: String
    let mark: String
}

extension Database {
    fileprivate mutating func identity() throws(CatalogError) -> NotedIdentity? {
        guard let kit = try value("kit_id"), let instance = try value("instance_id"),
            let catalog = try value("catalog_id"), let mark = try value("instance_mark")
        else { return nil }
        return NotedIdentity(kit: kit, instance: instance, catalog: catalog, mark: mark)
    }
}
