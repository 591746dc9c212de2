internal import JSONReading
internal import Schema
internal import SQLite

extension [Location.Shard] {
    /// What a column keeps of them: a list of names and lengths, as JSON; nil where there are none.
    var column: String? {
        isEmpty ? nil : JSON.array(map { .array([.string($0.name), .natural($0.length)]) }).compact
    }
}

/// The shards in a column; none where it has none, or something else.
func columnShards(_ row: borrowing Row, _ column: Int) -> [Location.Shard] {
    guard let text = row.optionalText(column), let list = (try? JSON(reading: text.utf8))?.items else { return [] }
    let shards = list.compactMap { item -> Location.Shard? in
        guard let pair = item.items, pair.count == 2, let name = pair[0].string, let length = pair[1].natural else {
            return nil
        }
        return Location.Shard(name, length: length)
    }
    return shards.count == list.count ? shards : []
}
