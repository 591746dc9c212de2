/// The prepared statements of one connection, by SQL text; the one unused for longest makes room for a new one.
struct StatementCache: ~Copyable {
    private struct Entry {
        let statement: StatementHandle
        var lastUse: UInt64
    }

    private static let capacity = 64

    private var entries: [String: Entry] = [:]
    private var clock: UInt64 = 0

    deinit {
        for entry in entries.values {
            entry.statement.finalize()
        }
    }

    /// The statement prepared earlier for `sql`, if it is still kept.
    mutating func statement(for sql: String) -> StatementHandle? {
        guard let index = entries.index(forKey: sql) else { return nil }
        clock += 1
        entries.values[index].lastUse = clock
        return entries.values[index].statement
    }

    /// Keeps `statement`, which the cache now owns.
    mutating func insert(_ statement: StatementHandle, for sql: String) {
        if entries.count >= Self.capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            oldest.value.statement.finalize()
            entries.removeValue(forKey: oldest.key)
        }
        clock += 1
        entries[sql] = Entry(statement: statement, lastUse: clock)
    }
}
