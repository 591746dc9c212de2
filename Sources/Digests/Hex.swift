/// Lower-case hexadecimal, two digits a byte.
package func hex(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.underestimatedCount)
    for byte in bytes { appendHex(byte, to: &text) }
    return String(decoding: text, as: UTF8.self)
}

/// Appends lower-case hexadecimal, two digits for each byte.
package func appendHex(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
    for byte in bytes { appendHex(byte, to: &text) }
}

private func appendHex(_ byte: UInt8, to text: inout [UInt8]) {
    func digit(_ value: UInt8) -> UInt8 { value + (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10) }
    text.append(digit(byte >> 4))
    text.append(digit(byte & 15))
}

/// The bytes that hexadecimal text (either case) stands for, or nil where it is malformed.
package func bytes(hex text: String) -> [UInt8]? {
    let digits = text.utf8.map { byte -> UInt8? in
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = digits[index], let low = digits[index + 1] else { return nil }
        bytes.append(high << 4 | low)
    }
    return bytes
}
