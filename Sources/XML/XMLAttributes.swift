/// The most attributes that any tag of a document has, counted in one pass and without a parser.
///
/// In what is no XML the number means nothing, and the parser says so.
func maxAttributes(in document: [UInt8]) -> Int {
    var rest = document[...]
    var most = 0
    while let start = rest.firstIndex(of: UInt8(ascii: "<")) {
        rest = rest[start...]
        if let end = others.first(where: { rest.starts(with: $0.start) })?.end {
            rest = after(end, in: rest)
        } else {
            most = max(most, takeTag(from: &rest))
        }
    }
    return most
}

/// What begins like a tag and is none, and how it ends.
private let others: [(start: [UInt8], end: [UInt8])] = [
    (Array("<!--".utf8), Array("-->".utf8)), (Array("<![CDATA[".utf8), Array("]]>".utf8)),
    (Array("<?".utf8), Array("?>".utf8)),
]

/// What follows the first `mark`; nothing where there is none.
private func after(_ mark: [UInt8], in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var rest = bytes
    while let place = rest.firstIndex(of: mark[0]) {
        rest = rest[place...]
        if rest.starts(with: mark) { return rest.dropFirst(mark.count) }
        rest = rest.dropFirst()
    }
    return []
}

/// Takes a tag off the front and counts its attributes; what stands between quotes is passed over.
private func takeTag(from bytes: inout ArraySlice<UInt8>) -> Int {
    var count = 0
    var quote: UInt8?
    for index in bytes.indices {
        let byte = bytes[index]
        switch (byte, quote) {
        case (byte, byte): quote = nil
        case (_, .some): break
        case (UInt8(ascii: "\""), nil), (UInt8(ascii: "'"), nil): quote = byte
        case (UInt8(ascii: "="), nil): count += 1
        case (UInt8(ascii: ">"), nil):
            bytes = bytes[(index + 1)...]
            return count
        default: break
        }
    }
    bytes = []
    return count
}
