internal import JSONReading
internal import Schema
internal import SQLite

extension [Location.Shard] {
    /// What a column keeps of them: a list of names and lengths, as JSON; nil where there are none.
    var column: String? {
        isEmpty ? nil : JSON.array(map { .array([.string($0.name), .natural($0.length)]) }).compact
    }
}

/// The shards in a column; none where it has none.
///
/// Throws `corrupt` for something else.
func columnShards(_ row: borrowing Row, _ column: Int) throws(CatalogError) -> [Location.Shard] {
    guard let text = row.optionalText(column) else { return [] }
    let list = (try? JSON(reading: text.utf8))?.items ?? []
    let shards = list.compactMap { item -> Location.Shard? in
        guard let pair = item.items, pair.count == 2, let name = pair[0].string, let length = pair[1].natural else {
            return nil
        }
        return Location.Shard(name, length: length)
    }
    guard shards.count == list.count, !shards.isEmpty else {
        throw CatalogError(.corrupt, "The catalog is damaged: it has shards that cannot be read.")
    }
    return shards
}
