/// Why a Parquet file could not be read or written.
package struct ParquetError: Error, Sendable, Equatable {
    /// The kinds of failure.
    package enum Code: Sendable {
        /// The library that reads and writes Parquet is not there, or of another version.
        case unavailable

        /// The file system refused.
        case ioError

        /// The file is not Parquet, or damaged.
        case corrupt

        /// The file is larger than the limits, or than memory.
        case tooLarge

        /// The caller's columns do not fit together.
        case badArgument
    }

    /// What kind of failure this is.
    package let code: Code

    /// A whole sentence.
    package let message: String
}

extension ParquetError: CustomStringConvertible {
    package var description: String { message }
}

extension ParquetError {
    /// The error for a result of the shim other than 0.
    init(_ result: Int32, _ problem: String, _ path: String, _ verb: String) {
        code =
            switch result {
            case 2: .corrupt
            case 3: .tooLarge
            case 4: .badArgument
            default: .ioError
            }
        message = "The Parquet file \(path) cannot be \(verb): \(problem)."
    }
}
