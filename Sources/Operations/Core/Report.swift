/// What an operation shows to people; how it looks is for the surface to decide.
package struct Report: Sendable, Hashable {
    /// A piece of a report.
    package enum Part: Sendable, Hashable {
        case line(String)
        /// What helps.
        case command(Hint)
        /// Names with values, one a line.
        case facts([Fact])
        case table([Column], rows: [[String]])
    }

    /// A name with a value.
    package struct Fact: Sendable, Hashable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// A column of a table.
    package struct Column: Sendable, Hashable {
        package let title: String
        /// Numbers stand on the right.
        package let isNumber: Bool
        /// Says whether the column may be cut in the middle when the table is too wide.
        package let mayShrink: Bool

        package init(_ title: String, number: Bool = false, mayShrink: Bool = false) {
            self.title = title
            isNumber = number
            self.mayShrink = mayShrink
        }
    }

    package var parts: [Part] = []
    /// What somebody should know although nothing failed; shown apart from the result.
    package var warnings: [String] = []
    /// What failed while the rest was done; shown like an error, whatever is asked to be left out.
    package var failures: [String] = []

    package init(_ parts: [Part] = [], warnings: [String] = [], failures: [String] = []) {
        self.parts = parts
        self.warnings = warnings
        self.failures = failures
    }

    /// A report of one line.
    package init(_ line: String) { parts = [.line(line)] }
}
