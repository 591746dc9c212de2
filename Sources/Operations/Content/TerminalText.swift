/// Looks at content of which nobody knows whether it is text, byte by byte, before it goes to a terminal.
package struct TerminalText {
    /// The bytes that the current character of UTF-8 still needs, and those that its next byte may be.
    private var missing = 0
    private var next: ClosedRange<UInt8> = 0x80...0xBF

    package init() {}

    /// Whether nothing in the bytes that follow the earlier ones could drive a terminal.
    ///
    /// What could are the control characters (ECMA-48 §5) but those that move on: the C1 ones too, as UTF-8 has them
    /// and as single bytes.
    package mutating func isPlain(_ bytes: some Sequence<UInt8>) -> Bool {
        for byte in bytes where !isPlain(byte) { return false }
        return true
    }

    private mutating func isPlain(_ byte: UInt8) -> Bool {
        if missing > 0, (0x80...0xBF).contains(byte) {
            defer { (missing, next) = (missing - 1, 0x80...0xBF) }
            return next.contains(byte)
        }
        (missing, next) = (0, 0x80...0xBF)
        switch byte {
        case 0x09...0x0D, 0x20...0x7E, 0xA0...0xFF:
            switch byte {
            // Of these, a longer form of a shorter character, or U+0080 to U+009F.
            case 0xC2: (missing, next) = (1, 0xA0...0xBF)
            case 0xE0: (missing, next) = (2, 0xA0...0xBF)
            case 0xF0: (missing, next) = (3, 0x90...0xBF)
            case 0xC3...0xDF: missing = 1
            case 0xE1...0xEF: missing = 2
            case 0xF1...0xF4: missing = 3
            default: break
            }
            return true
        default: return false
        }
    }
}
