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
    package let reason: String
    package let dirtySince: Timestamp
    /// When a sync last finished; nil before the first.
    package let syncedAt: Timestamp?
    /// The name of the last snapshot that was left on the backend.
    package let note: String?
    /// What went wrong at the last sync; nil when nothing did.
    package let problem: String?
    /// The object by which this home announced itself there; nil before it did.
    package let marker: String?
    /// When it announced itself last.
    package let markedAt: Timestamp?

    /// What tells where it led at the last sync from anywhere else; empty before the first.
    package let settings: String

    /// Says whether the backend's content may differ from what is wanted.
    package var isDirty: Bool { generation > syncedGeneration }

    static let columns = """
        name, generation, synced_generation, reason, dirty_since, synced_at, note, problem, incarnation, place, marker, \
        marked_at, settings
        """

    init(_ row: borrowing Row) throws(CatalogError) {
        name = row.text(0)
        generation = row.int64(1)
        syncedGeneration = row.int64(2)
        reason = row.text(3)
        dirtySince = Timestamp(milliseconds: row.int64(4))
        syncedAt = row.optionalInt64(5).map { Timestamp(milliseconds: $0) }
        note = row.optionalText(6)
        problem = row.optionalText(7)
        incarnation = row.text(8)
        place = row.text(9)
        marker = row.optionalText(10)
        markedAt = row.optionalInt64(11).map { Timestamp(milliseconds: $0) }
        settings = row.text(12)
    }
}
