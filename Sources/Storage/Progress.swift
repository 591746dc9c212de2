internal import Schema

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
        /// Work on a backend begins: what is to be done there, as a sentence.
        case working(backend: String, String)
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

    /// Work on a backend begins.
    package func working(on backend: String, _ sentence: String) { report(.working(backend: backend, sentence)) }
}

extension Progress {
    /// How far work is.
    package struct Amount: Sendable, Hashable {
        /// How many parts are under way.
        private var depth = 0
        package private(set) var title = ""
        package private(set) var items = 0
        package private(set) var bytes: UInt64 = 0
        /// How many there are, as far as that is known.
        package private(set) var allItems: Int?
        package private(set) var allBytes: UInt64?

        package init() {}

        /// Says whether something is under way.
        package var isActive: Bool { depth > 0 }

        /// Takes in what happened; parts that run at once are one, under the newest title.
        package mutating func count(_ event: Event) {
            switch event {
            case .began(let title, let items, let bytes):
                if depth == 0 { self = Amount() }
                depth += 1
                self.title = title
                if let items { allItems = (allItems ?? 0) + max(0, items) }
                if let bytes { allBytes = (allBytes ?? 0).plus(bytes) }
            case .items(let count): items += count
            case .bytes(let count): bytes = bytes.plus(count)
            case .ended: depth = max(0, depth - 1)
            case .working: break
            }
        }
    }
}
