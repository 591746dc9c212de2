internal import Storage

/// The pages of a listing, one after another, where that leads anywhere: each brings what none before it brought.
struct PagedListing<Place: Sendable & Hashable, Item: Sendable>: Sendable {
    struct Page: Sendable {
        let items: [Item]
        /// The name with which it begins, ours or not; nil for a page without any.
        let first: String?
        /// Where the next one begins; nil for the last one.
        let next: Place?
    }

    private struct State: Sendable {
        /// Where the next page begins; nil behind the last one.
        var place: Place?
        /// All places so far: one that comes again would make a circle.
        var seen: Set<Place>
        /// The names with which pages began: who names the next place anew each time may still give the same page.
        var beginnings: Set<String> = []
        /// Pages without any name since the last one that had some.
        var emptyPages = 0

        /// Goes on behind a page; false where it is one that was there, or one empty page too many.
        mutating func advance(past page: Page) -> Bool {
            if let first = page.first {
                emptyPages = 0
                guard beginnings.insert(first).inserted else { return false }
            } else {
                emptyPages += 1
                guard emptyPages <= PagedListing.maxEmptyPages else { return false }
            }
            if let next = page.next, !seen.insert(next).inserted { return false }
            place = page.next
            return true
        }
    }

    /// Services give empty pages where much was removed lately; so many in a row lead nowhere.
    private static var maxEmptyPages: Int { 100 }

    let start: Place
    let policy: CallPolicy
    let what: String
    let failures: HTTPFailures
    /// A list that goes on behind so many pages has no end.
    var mostPages = Int.max
    /// Asks for one page.
    let page: @Sendable (Place) async throws(StorageError) -> Page

    /// The pages; none is empty, and one that failed is asked for again by the next call.
    var pages: Pulled<[Item]> {
        Pulled {
            let state = Locked(State(place: start, seen: [start]))
            return { () async throws(StorageError) in
                while let place = state.read({ $0.place }) {
                    guard state.read({ $0.seen.count }) <= mostPages else {
                        throw failures.error(.tooLarge, "the list goes on behind \(mostPages) pages", what)
                    }
                    let page = try await policy.run { () async throws(StorageError) in try await self.page(place) }
                    guard state.change({ $0.advance(past: page) }) else {
                        throw failures.error(
                            .unexpected,
                            "the service sends the same pages, or empty ones, again and again",
                            what
                        )
                    }
                    if !page.items.isEmpty { return page.items }
                }
                return nil
            }
        }
    }
}
