/// What was asked of a backend since it was opened: every request that was sent, also those that were sent again, and
/// the bytes of their bodies as far as they went.
package final class Meter: Sendable {
    /// Requests by their kinds, those among them that failed, and bytes.
    package struct Counts: Sendable, Hashable {
        package var puts: UInt64 = 0
        package var gets: UInt64 = 0
        package var stats: UInt64 = 0
        package var pages: UInt64 = 0
        package var deletes: UInt64 = 0
        package var failures: UInt64 = 0
        package var bytesStored: UInt64 = 0
        package var bytesRead: UInt64 = 0
        /// Removals after which the service kept what was removed, as an older version.
        package var hidden: UInt64 = 0

        package init() {}

        /// Calls of every kind.
        package var calls: UInt64 { puts + gets + stats + pages + deletes }

        /// Both together.
        package static func + (one: Counts, other: Counts) -> Counts {
            var sum = one
            for field in [
                \Counts.puts, \.gets, \.stats, \.pages, \.deletes, \.failures, \.bytesStored, \.bytesRead, \.hidden,
            ] {
                sum[keyPath: field] += other[keyPath: field]
            }
            return sum
        }
    }

    private let state = Locked(Counts())

    package init() {}

    /// The counts now.
    package var counts: Counts { state.read { $0 } }

    /// Adds to the counts.
    package func add(_ change: (inout Counts) -> Void) { state.change(change) }
}
