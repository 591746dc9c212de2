internal import Schema

/// What stands in a list by its time.
protocol TimedItem: Sendable {
    /// What tells it from every other one.
    var id: String { get }
    /// When it was made, by the clock of the service.
    var created: Timestamp? { get }
}

/// Where a list is that goes from the newest to the oldest, and goes on before a moment.
///
/// Of several items of that moment some may not have come yet, so each page begins a millisecond later than the one
/// before it ended, and what came already is left out.
struct TimedListing: Sendable {
    let limit: Int
    /// The moment before which the next page begins; nil for the first one.
    private(set) var before: Timestamp?
    private(set) var isOver = false
    /// Why the list leads nowhere.
    private(set) var problem = ""
    /// What came already of the last millisecond.
    private var edge: Set<String> = []
    private var total = 0
    /// How many the first page said that there are; nil before it.
    private var announced: UInt64?

    /// Longer lists are no lists.
    private static let most = 10_000_000

    /// A list that is asked for in pages of at most `limit` items.
    init(limit: Int) { self.limit = limit }

    /// Takes a page, of so many items that there are from there on; gives what none before it brought, or nil where
    /// that leads nowhere.
    mutating func take<Item: TimedItem>(_ page: [Item], of count: UInt64) -> [Item]? {
        if announced == nil { announced = count }
        let times = page.map { $0.created?.milliseconds ?? 0 }
        guard let newest = times.max(), let oldest = times.last else {
            guard count == 0 else { return refuse("it says that there is more than it lists") }
            return end(with: [])
        }
        if let before, newest >= before.milliseconds { return refuse("it does not heed where a page is to begin") }
        var ids: Set<String> = []
        let fresh = page.filter { !edge.contains($0.id) && ids.insert($0.id).inserted }
        total += fresh.count
        guard total <= Self.most else { return refuse("its list has no end") }
        let isWhole = count <= UInt64(page.count)
        // Behind a full page there may be more, whatever it says.
        if isWhole, page.count < limit { return end(with: fresh) }
        guard zip(times, times.dropFirst()).allSatisfy({ $0 >= $1 }) else {
            return refuse("its list does not go from the newest to the oldest")
        }
        let next = Timestamp(milliseconds: oldest + 1)
        if next == before, fresh.isEmpty {
            // Nothing that came is new: either that was all, or what is missing cannot be asked for.
            guard isWhole else {
                return refuse(
                    "its list does not get past \(page.count) items of one millisecond, and says that it has more"
                )
            }
            return end(with: [])
        }
        let last = Set(zip(page, times).filter { $0.1 == oldest }.map(\.0.id))
        edge = next == before ? edge.union(last) : last
        before = next
        return fresh
    }

    /// The last items of the list, unless fewer came than it has: then it was cut off, or some went meanwhile.
    private mutating func end<Item>(with items: [Item]) -> [Item]? {
        guard UInt64(total) >= announced ?? 0 else {
            return refuse("it said that there are \(announced ?? 0), and lists \(total)")
        }
        isOver = true
        return items
    }

    private mutating func refuse<Item>(_ problem: String) -> [Item]? {
        self.problem = problem
        return nil
    }
}
