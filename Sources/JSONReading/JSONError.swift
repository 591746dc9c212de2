/// Why a text was not read as JSON.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Sendable, Equatable {
        /// It is not one value of RFC 8259 in UTF-8.
        case malformed
        /// More levels of arrays and objects than the limit.
        case tooDeep
        /// More bytes or values than the limits.
        case tooLarge
        /// An object has two members of one name: which of them counts is told by nobody.
        case repeatedName
        /// A whole number that no integer of 64 bits holds, and that would be rounded.
        case numberTooLarge
    }

    /// What kind of failure it is.
    package let code: Code
    /// The failure as a whole sentence, with nothing of the text in it.
    package let message: String

    package var description: String { message }

    static func malformed(after count: Int) -> JSONError {
        JSONError(code: .malformed, message: "The JSON text is malformed after \(count) bytes.")
    }

    static func tooLarge(_ phrase: String) -> JSONError {
        JSONError(code: .tooLarge, message: "The JSON text has \(phrase).")
    }

    static func tooDeep(_ levels: Int) -> JSONError {
        JSONError(code: .tooDeep, message: "The JSON text has more than \(levels) levels.")
    }

    static let repeatedName = JSONError(
        code: .repeatedName,
        message: "An object in the JSON text has two members of one name."
    )

    static let numberTooLarge = JSONError(
        code: .numberTooLarge,
        message: "A whole number in the JSON text is larger than 64 bits hold."
    )
}

/// Bounds on a text from outside.
package struct JSONLimits: Sendable {
    /// The most levels of arrays and objects.
    package var depth: Int
    /// The most values, names of members included.
    package var values: Int
    /// The most bytes.
    package var bytes: Int

    /// Limits that fit the replies of services.
    package init(depth: Int = 64, values: Int = 2_000_000, bytes: Int = 64 << 20) {
        self.depth = depth
        self.values = values
        self.bytes = bytes
    }
}
