/// Many values of a fixed size, any of which may be missing.
package struct ParquetNumbers<Value: Sendable>: Sendable {
    var values: [Value] = []
    /// One byte for each row, 0 if its value is missing; nil if none is.
    var valid: [UInt8]?

    /// The values; one is missing where `valid` has a 0.
    package init(values: [Value], valid: [UInt8]?) {
        self.values = values
        self.valid = valid
    }

    /// No values yet.
    package init() {}

    /// How many rows there are.
    package var count: Int { values.count }

    /// The value of a row, or nil if it is missing.
    package subscript(row: Int) -> Value? {
        if let valid, valid[row] == 0 { return nil }
        return values[row]
    }
}

extension ParquetNumbers<Int64> {
    /// The values.
    package init(_ values: some Sequence<Int64?>) {
        for value in values { append(value) }
    }

    /// Adds a row.
    package mutating func append(_ value: Int64?) {
        if value == nil, valid == nil { valid = [UInt8](repeating: 1, count: count) }
        values.append(value ?? 0)
        valid?.append(value == nil ? 0 : 1)
    }
}
