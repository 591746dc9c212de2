/// Several measurements of the same thing.
struct Series: Sendable {
    var values: [Double] = []

    var median: Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return .nan }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    var least: Double { values.min() ?? .nan }
    var most: Double { values.max() ?? .nan }
}

/// One line of the report: what was measured, what it is compared with, and what was hoped for.
struct Figure: Sendable {
    /// What a number counts.
    enum Unit: String, Sendable {
        case seconds = "s"
        case milliseconds = "ms"
        case mebibytes = "MiB"
        case count = ""
    }

    /// The most that a figure should be.
    enum Goal: Sendable {
        /// So many times the yardstick; nothing depends on it.
        case ratio(Double)
        /// So many of the unit; nothing depends on it.
        case value(Double)
        /// So many of the unit; the program ends with 1 where it is missed, for it does not depend on the machine.
        case gate(Double)
    }

    let row: String
    let measure: String
    let unit: Unit
    let ours: Series
    var yardstick: String?
    var theirs: Series?
    var goal: Goal?
    /// Seconds of processors, which other work on the machine changes less; nil for what is not a time.
    var ourProcessor: Series?
    var theirProcessor: Series?

    /// How long the runs took, beside those of a yardstick.
    static func time(
        _ row: String,
        _ measure: String,
        _ unit: Unit,
        _ ours: [Outcome],
        against yardstick: String? = nil,
        _ theirs: [Outcome]? = nil,
        goal: Goal? = nil
    ) -> Figure {
        func series(_ outcomes: [Outcome]) -> Series {
            Series(values: outcomes.map { unit == .milliseconds ? $0.seconds * 1000 : $0.seconds })
        }
        return Figure(
            row: row,
            measure: measure,
            unit: unit,
            ours: series(ours),
            yardstick: yardstick,
            theirs: theirs.map(series),
            goal: goal,
            ourProcessor: Series(values: ours.map(\.processor)),
            theirProcessor: theirs.map { Series(values: $0.map(\.processor)) }
        )
    }

    /// A figure that is measured once, such as a count.
    static func single(
        _ row: String,
        _ measure: String,
        _ unit: Unit,
        _ value: Double,
        against yardstick: String? = nil,
        _ other: Double? = nil,
        goal: Goal? = nil
    ) -> Figure {
        Figure(
            row: row,
            measure: measure,
            unit: unit,
            ours: Series(values: [value]),
            yardstick: yardstick,
            theirs: other.map { Series(values: [$0]) },
            goal: goal
        )
    }

    /// Our median as a multiple of the yardstick's.
    var ratio: Double? {
        guard let theirs, theirs.median > 0 else { return nil }
        return ours.median / theirs.median
    }

    /// Whether the goal is met; nil where there is none.
    var isMet: Bool? {
        switch goal {
        case .ratio(let most): ratio.map { $0 <= most }
        case .value(let most), .gate(let most): ours.median <= most
        case nil: nil
        }
    }

    /// Whether the program has to end with 1.
    var failsGate: Bool {
        if case .gate = goal { isMet == false } else { false }
    }
}
