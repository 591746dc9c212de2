/// Why a text is not YAML that this reader takes, and where.
package struct YAMLError: Error, Sendable, Equatable {
    /// The kinds of failure.
    package enum Code: Sendable {
        case notUTF8, syntax, tooLarge, duplicateKey, severalDocuments, unknownAlias, unsupported
    }

    /// What kind of failure this is.
    package let code: Code

    /// A whole sentence that begins with the place.
    package let message: String

    /// What is wrong, as a phrase without place and full stop.
    package let problem: String

    /// The line, from 1.
    package let line: Int

    /// The column in characters, from 1.
    package let column: Int

    init(_ code: Code, _ problem: String, at mark: YAMLMark) {
        self.code = code
        self.problem = problem
        message = "Line \(mark.line), column \(mark.column): \(problem)."
        line = mark.line
        column = mark.column
    }
}

extension YAMLError: CustomStringConvertible {
    package var description: String { message }
}
