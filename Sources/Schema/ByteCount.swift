/// A number of bytes.
package struct ByteCount: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let bytes: UInt64

    package init(_ bytes: UInt64) { self.bytes = bytes }

    /// Reads `4096`, `16MiB`, `1.5 GB`, `2g`; units without "i" count in thousands, single letters in 1024s.
    package init?(_ text: String) {
        let trimmed = text.filter { $0 != " " && $0 != "_" }
        let digits = trimmed.prefix { $0.isNumber || $0 == "." }
        guard let number = Double(digits), number.isFinite, number >= 0 else { return nil }
        guard let unit = Self.units[trimmed.dropFirst(digits.count).lowercased()] else { return nil }
        let product = (number * unit).rounded()
        guard product < 9.2e18 else { return nil }
        self.init(UInt64(product))
    }

    private static let units: [String: Double] = {
        var units: [String: Double] = ["": 1, "b": 1]
        for (power, letter) in "kmgtp".enumerated() {
            var binary = 1.0
            var decimal = 1.0
            for _ in 0...power {
                binary *= 1024
                decimal *= 1000
            }
            units["\(letter)"] = binary
            units["\(letter)ib"] = binary
            units["\(letter)b"] = decimal
        }
        return units
    }()

    /// The count with a binary unit and at most one decimal: `1.5 MiB`.
    package var description: String {
        var value = Double(bytes)
        var index = 0
        let names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        // What would be written as 1024 of a unit is one of the next.
        while (value * 10).rounded() >= 10240, index + 1 < names.count {
            value /= 1024
            index += 1
        }
        guard index > 0 else { return "\(bytes) B" }
        let tenths = UInt64((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10) \(names[index])" : "\(tenths / 10).\(tenths % 10) \(names[index])"
    }

    package static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}
