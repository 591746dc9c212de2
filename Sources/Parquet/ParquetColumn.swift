/// A column of a file that is to be written.
package struct ParquetColumn: Sendable, Hashable {
    /// The types that can be written.
    package enum Kind: Int32, Sendable {
        /// Text in UTF-8.
        case utf8 = 0

        /// Whole numbers.
        case int64 = 1

        /// Milliseconds since 1970-01-01 00:00 UTC.
        case timestampMillis = 2
    }

    /// The column's name.
    package let name: String

    /// The type of its values.
    package let kind: Kind

    /// Whether a row may have no value.
    package let isOptional: Bool

    /// Whether few values stand in many rows, which are then kept once; looking for them takes time where there are
    /// none.
    package let repeats: Bool

    /// A column.
    package init(_ name: String, _ kind: Kind, optional: Bool = false, repeats: Bool = false) {
        self.name = name
        self.kind = kind
        isOptional = optional
        self.repeats = repeats
    }

    /// What the library is told of it: the bits of `parquet_trait`.
    var traits: UInt8 { (isOptional ? 1 : 0) | (repeats ? 2 : 0) }
}

/// The values of one column, for all rows of a file or of one row group.
package enum ParquetValues: Sendable {
    case utf8(ParquetTexts)
    case int64(ParquetNumbers<Int64>)

    /// Milliseconds since 1970-01-01 00:00 UTC, whatever the unit in the file.
    case timestampMillis(ParquetNumbers<Int64>)
    case double(ParquetNumbers<Double>)
    case boolean(ParquetNumbers<Bool>)

    /// A column without a type, all of whose values are missing.
    case null(count: Int)

    /// A column of a type that is not read, by Arrow's name for it: lists, structs, binary and the like.
    case unsupported(String)
}

extension ParquetValues {
    /// How many rows there are; 0 for a column that was not read.
    package var count: Int {
        switch self {
        case .utf8(let texts): texts.count
        case .int64(let numbers), .timestampMillis(let numbers): numbers.count
        case .double(let numbers): numbers.count
        case .boolean(let values): values.count
        case .null(let count): count
        case .unsupported: 0
        }
    }

    /// Whether a column of `kind` can be written from these values.
    func fit(_ kind: ParquetColumn.Kind) -> Bool {
        switch (kind, self) {
        case (.utf8, .utf8), (.int64, .int64), (.timestampMillis, .timestampMillis): true
        default: false
        }
    }

    /// Whether some row that is to be written has no value.
    var hasMissing: Bool {
        switch self {
        case .utf8(let texts): texts.valid?.contains(0) ?? false
        case .int64(let numbers), .timestampMillis(let numbers): numbers.valid?.contains(0) ?? false
        default: false
        }
    }
}
