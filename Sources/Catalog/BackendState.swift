package import Schema
internal import SQLite

/// How far a backend is in step with what is wanted on it.
package struct BackendState: Sendable, Hashable {
    package let name: String
    /// Another one where a backend was removed and made again under the same name, or emptied on purpose.
    package let incarnation: String
    /// The same for backends that turned out to be one place under two names.
    package let place: String
    /// Counts up with every change of what is wanted.
    package let generation: Int64
    /// The generation that the last finished sync brought about.
    package let syncedGeneration: Int64
    /// Why it was marked last.
    package private(set) var reason: String
    package let dirtySince: Timestamp
    /// When a sync last finished; nil before the first.
    package let syncedAt: Timestamp?
    /// The name of the last snapshot that was left on the backend.
    package let snapshot: String?
    /// What went wrong at the last sync; nil when nothing did.
    package let problem: String?
    /// When that was; nil when nothing did, or nobody noted it.
    package let problemAt: Timestamp?
    /// The object by which this home announced itself there; nil before it did.
    package let marker: String?
    /// What tells that object from every copy of it, where the service says so.
    package let markerIdentity: String?
    /// When it announced itself last.
    package let markedAt: Timestamp?

    /// Since when something was stored there after which no snapshot was left; nil where none was.
    package let unsavedSince: Timestamp?

    /// Where it led when something was first seen there, and at the last sync; nil before that.
    package let address: Address?
    /// Whether the settings, as this process reads them, lead elsewhere, or nowhere that is known.
    package private(set) var leadsElsewhere = false

    /// What tells where a backend leads from anywhere else, as digests: variables may have been put in.
    package struct Address: Sendable, Hashable {
        /// The place: another one has nothing of this one.
        package let place: String
        /// Whose the place is; empty where that changes all the time, or is not known.
        package let account: String

        package init(place: String, account: String) {
            self.place = place
            self.account = account
        }

        init?(text: String) {
            guard !text.isEmpty else { return nil }
            let parts = text.split(separator: " ", maxSplits: 1).map { String($0) }
            self.init(place: parts[0], account: parts.count > 1 ? parts[1] : "")
        }

        var text: String { account.isEmpty ? place : place + " " + account }

        /// Whether both may have the same account.
        func mayShareAccount(_ other: Address) -> Bool {
            account.isEmpty || other.account.isEmpty || account == other.account
        }

        /// Whether both lead to the same, as far as is known.
        package func isSame(as other: Address) -> Bool { place == other.place && mayShareAccount(other) }
    }

    /// Whether the last sync was at this address, as far as is known; where there was none, there is no other.
    package func leads(to address: Address) -> Bool { self.address?.isSame(as: address) ?? (syncedAt == nil) }

    /// Says whether the backend's content may differ from what is wanted.
    package var isDirty: Bool { generation > syncedGeneration || leadsElsewhere }

    /// The same for whoever is led elsewhere.
    func regarded(in catalog: Catalog) -> BackendState {
        guard catalog.disregards(name) else { return self }
        var state = self
        state.leadsElsewhere = true
        // Why it was marked is told where it was.
        if !isDirty { state.reason = "the settings lead elsewhere, or nowhere that is known here" }
        return state
    }

    static let columns = """
        name, generation, synced_generation, reason, dirty_since, synced_at, note, problem, incarnation, place, marker, \
        marked_at, settings, unsaved_since, marker_identity, problem_at
        """

    init(_ row: borrowing Row) throws(CatalogError) {
        name = row.text(0)
        generation = row.int64(1)
        syncedGeneration = row.int64(2)
        reason = row.text(3)
        dirtySince = Timestamp(milliseconds: row.int64(4))
        syncedAt = row.optionalInt64(5).map { Timestamp(milliseconds: $0) }
        snapshot = row.optionalText(6)
        problem = row.optionalText(7)
        incarnation = row.text(8)
        place = row.text(9)
        marker = row.optionalText(10)
        markedAt = row.optionalInt64(11).map { Timestamp(milliseconds: $0) }
        address = Address(text: row.text(12))
        markerIdentity = row.optionalText(14)
        unsavedSince = row.optionalInt64(13).map { Timestamp(milliseconds: $0) }
        problemAt = row.optionalInt64(15).map { Timestamp(milliseconds: $0) }
    }
}
