/// Many texts in one buffer, any of which may be missing.
package struct ParquetTexts: Sendable {
    var bytes: [UInt8] = []
    var offsets: [Int64] = [0]
    /// One byte for each row, 0 if its value is missing; nil if none is.
    var valid: [UInt8]?

    /// No texts yet.
    package init() {}

    /// The texts.
    package init(_ texts: some Sequence<String?>) {
        for text in texts { append(text) }
    }

    /// The texts that end at `offsets` in UTF-8, of which the first is 0; a row is missing where `valid` has a 0.
    package init(utf8 bytes: [UInt8], offsets: [Int64], valid: [UInt8]? = nil) {
        (self.bytes, self.offsets, self.valid) = (bytes, offsets, valid)
    }

    /// How many rows there are.
    package var count: Int { offsets.count - 1 }

    /// Makes room for `rows` rows of `bytes` bytes in all.
    package mutating func reserveCapacity(rows: Int, bytes: Int) {
        offsets.reserveCapacity(rows + 1)
        self.bytes.reserveCapacity(bytes)
    }

    /// Adds a row.
    package mutating func append(_ text: String?) {
        if text == nil, valid == nil { valid = [UInt8](repeating: 1, count: count) }
        if let text { bytes.append(contentsOf: text.utf8) }
        offsets.append(Int64(bytes.count))
        valid?.append(text == nil ? 0 : 1)
    }

    /// The text of a row, with invalid UTF-8 repaired, or nil if it is missing.
    package subscript(row: Int) -> String? {
        if let valid, valid[row] == 0 { return nil }
        return String(decoding: bytes[Int(offsets[row])..<Int(offsets[row + 1])], as: UTF8.self)
    }
}
