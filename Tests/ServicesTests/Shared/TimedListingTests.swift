import Schema
import Testing

@testable import Services

/// A list that goes on before a moment: it passes over nothing, gives nothing twice, and comes to an end or an error.
@Suite struct TimedListingTests {
    private struct Item: TimedItem, Hashable {
        let id: String
        let time: Int64

        var created: Timestamp? { Timestamp(milliseconds: time) }
    }

    /// Reads what a service lists that gives pages of `size` items, in an order of its own among those of one moment;
    /// nil where that ends with an error.
    private func read(_ items: [Item], size: Int, limit: Int = 1000, _ shuffle: (Int) -> UInt64) -> [Item]? {
        var listing = TimedListing(limit: limit)
        var found: [Item] = []
        for round in 0..<10_000 {
            let seed = shuffle(round)
            func rank(_ item: Item) -> UInt64 { (UInt64(item.id.dropFirst()) ?? 0) &* (2 * seed + 1) % 1021 }
            let rest = items.filter { item in listing.before.map { item.time < $0.milliseconds } ?? true }
                .sorted { ($0.time, rank($0)) > ($1.time, rank($1)) }
            guard let fresh = listing.take(Array(rest.prefix(min(size, limit))), of: UInt64(rest.count)) else {
                return nil
            }
            found += fresh
            if listing.isOver { return found }
        }
        Issue.record("The list has no end.")
        return nil
    }

    @Test(arguments: 1...12, [1, 2, 3, 5, 8, 13])
    func allCome(_ size: Int, _ alike: Int) {
        let items = (0..<60).map { Item(id: "n\($0)", time: Int64($0 / alike)) }
        for shuffle in [{ _ in 0 }, { UInt64($0) }] as [(Int) -> UInt64] {
            guard let found = read(items, size: size, shuffle) else {
                // Only of those of one moment more may be missing than a page has.
                #expect(alike >= size)
                continue
            }
            #expect(found.count == 60 && Set(found) == Set(items), "\(size) \(alike)")
        }
        #expect(alike >= size || read(items, size: size) { _ in 0 } != nil)
    }

    @Test func aFullPageIsFollowedByALook() {
        let items = (0..<10).map { Item(id: "n\($0)", time: Int64($0)) }
        var listing = TimedListing(limit: 10)
        let page = Array(items.reversed())
        #expect(listing.take(page, of: 10) == page && !listing.isOver)
        #expect(listing.take([items[0]], of: 1) == [] && listing.isOver)
        var short = TimedListing(limit: 11)
        #expect(short.take(page, of: 10) == page && short.isOver)
    }

    /// A list that said more at its beginning than came is no whole one, whatever its last page says.
    @Test func aListThatWasCutIsNoList() {
        let page = (0..<10).map { Item(id: "n\($0)", time: 99 - Int64($0)) }
        var empty = TimedListing(limit: 10)
        #expect(empty.take(page, of: 25) == page && empty.take([Item](), of: 0) == nil)
        #expect(empty.problem.contains("25") && empty.problem.contains("10"))
        // From the oldest to the newest, all of one moment: each page is the same, and says that it is the last.
        let alike = (0..<10).map { Item(id: "n\($0)", time: 7) }
        var reversed = TimedListing(limit: 10)
        #expect(reversed.take(alike, of: 25) == alike && reversed.take(alike, of: 10) == nil)
    }

    @Test func anEmptyPageIsNoEndOfMore() {
        var listing = TimedListing(limit: 10)
        #expect(listing.take([Item](), of: 3) == nil && !listing.problem.isEmpty)
        var empty = TimedListing(limit: 10)
        #expect(empty.take([Item](), of: 0) == [] && empty.isOver)
    }
}
