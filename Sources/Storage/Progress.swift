/// Where long work says how far it is.
package struct Progress: Sendable {
    /// Something worth showing.
    package enum Event: Sendable {
        /// A part of the work begins: what it is, and how many items and bytes it has, as far as that is known.
        case began(String, items: Int?, bytes: UInt64?)
        case items(Int)
        case bytes(UInt64)
        /// The part is over.
        case ended
    }

    /// Says whether anybody looks; what only serves the look can be left out otherwise.
    package let isWatched: Bool
    private let report: @Sendable (Event) -> Void

    /// Tells `report` what happens; `isWatched` says that somebody looks how far it is.
    package init(isWatched: Bool = true, _ report: @escaping @Sendable (Event) -> Void) {
        self.isWatched = isWatched
        self.report = report
    }

    /// Says nothing.
    package static let silent = Progress(isWatched: false) { _ in }

    /// The same, which counts the bytes that move, too.
    package func counting(_ count: @escaping @Sendable (UInt64) -> Void) -> Progress {
        Progress(isWatched: isWatched) { event in
            if case .bytes(let number) = event { count(number) }
            report(event)
        }
    }

    /// A part of the work begins.
    package func began(_ title: String, items: Int? = nil, bytes: UInt64? = nil) {
        report(.began(title, items: items, bytes: bytes))
    }

    /// Some items are done.
    package func items(_ count: Int = 1) { report(.items(count)) }

    /// Some bytes have moved.
    package func bytes(_ count: UInt64) { report(.bytes(count)) }

    /// The part is over.
    package func ended() { report(.ended) }
}
