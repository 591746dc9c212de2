/// A field of a request.
enum WireField: Sendable {
    case number(UInt32)
    case long(UInt64)
    case bytes([UInt8])

    static func text(_ text: String) -> WireField { .bytes(Array(text.utf8)) }
}

extension [UInt8] {
    mutating func append(_ field: WireField) {
        switch field {
        case .number(let number):
            for shift in [24, 16, 8, 0] as [UInt32] { append(UInt8(truncatingIfNeeded: number >> shift)) }
        case .long(let number):
            append(.number(UInt32(truncatingIfNeeded: number >> 32)))
            append(.number(UInt32(truncatingIfNeeded: number)))
        case .bytes(let bytes):
            append(.number(UInt32(clamping: bytes.count)))
            self += bytes
        }
    }
}

/// Reads fields from the front of bytes; what is read beyond their end is nothing, and says nothing.
struct WireReader {
    private var rest: ArraySlice<UInt8>
    /// Whether more was read than there is.
    private(set) var isCut = false

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8> {
        isCut = isCut || count > rest.count
        defer { rest = rest.dropFirst(count) }
        return isCut ? [] : rest.prefix(count)
    }

    mutating func number() -> UInt32 { take(4).reduce(0) { $0 << 8 | UInt32($1) } }

    mutating func long() -> UInt64 { take(8).reduce(0) { $0 << 8 | UInt64($1) } }

    mutating func bytes() -> [UInt8] { Array(take(Int(number()))) }

    mutating func text() -> String { String(decoding: bytes(), as: UTF8.self) }

    mutating func attributes() -> SFTPAttributes {
        let flags = number()
        let length = flags & 1 != 0 ? long() : nil
        let owner = flags & 2 != 0 ? long() : nil
        let permissions = flags & 4 != 0 ? number() : nil
        if flags & 8 != 0 { _ = number() }
        let modified = flags & 8 != 0 ? number() : nil
        var extensions = flags & 0x8000_0000 != 0 ? number() : 0
        while extensions > 0, !isCut {
            _ = (bytes(), bytes())
            extensions -= 1
        }
        return SFTPAttributes(length: length, owner: owner, permissions: permissions, modified: modified)
    }
}
