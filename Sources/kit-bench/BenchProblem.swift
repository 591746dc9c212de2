/// Why a measurement could not be made, in a whole sentence.
struct BenchProblem: Error, CustomStringConvertible {
    /// What kind of problem it is.
    enum Code: Sendable {
        /// The command line is wrong.
        case usage
        /// A program that is needed is not on this machine.
        case missingProgram
        /// A program failed.
        case failed
    }

    let code: Code
    let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
