internal import Multiformats

/// A varint has one form.
func checkVarint(_ bytes: [UInt8]) throws(BrokenLaw) {
    var reader = ByteReader(bytes)
    if let value = try? reader.readVarint() {
        let read = Array(bytes.prefix(reader.offset))
        try law(Varint.encode(value) == read, "A varint that is read is written as the same bytes.")
        try law(Varint.length(value) == read.count, "The length of a varint is known before it is written.")
        try law((try? Varint.decode(read)) == value, "A varint alone is read like one before other bytes.")
    }
    try law(reader.offset <= Varint.maximumLength, "No more bytes are read than a varint can have.")
    let number = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & Varint.maximum
    try law((try? Varint.decode(Varint.encode(number))) == number, "Every number up to the largest is read back.")
}

/// A CID is read back from its bytes and from its texts; the input is taken for bytes and for text.
func checkCID(_ bytes: [UInt8]) throws(BrokenLaw) {
    if let cid = try? CID(bytes: bytes) {
        try law(cid.bytes == bytes, "A CID keeps the bytes that it is read from.")
        try check(cid)
        _ = try? cid.hash.verify(bytes.span)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    if let cid = try? CID(text) { try check(cid) }
    if let cid = try? CID(userText: text) { try check(cid) }
}

private func check(_ cid: CID) throws(BrokenLaw) {
    let hash = cid.hash
    try law((try? Multihash(bytes: hash.bytes)) == hash, "The hash of a CID is read back alone.")
    try law((try? CID(version: cid.version, codec: cid.codec, hash: hash)) == cid, "A CID is made of its parts.")
    try law(cid.v1.hash == hash && cid.v1.codec == cid.codec, "Version 1 of a CID names the same content.")
    if let old = cid.v0 { try law(old.v1 == cid.v1, "Versions 0 and 1 of a CID lead to each other.") }
    let holdsContent = hash.code == .identity && hash.digest.count <= Multihash.longestDigest
    try law((cid.inlineContent != nil) == holdsContent, "Identity CIDs that are short, and no others, hold content.")
    _ = try? hash.checkAllowed()
    guard cid.bytes.count <= 200 else { return }
    try law((try? CID(cid.description)) == cid, "A CID is read back from its usual text.")
    for base in Multibase.allCases {
        guard let text = cid.text(in: base) else { continue }
        try law((try? CID(text)) == cid, "A CID is read back from its text in \(base.name).")
    }
    for format in ["%s %b %m %d", "%P %S %h %L"] { _ = try? cid.formatted(format) }
}

/// Text and bytes lead to each other; the input is taken for text, and for bytes to write in every base.
func checkMultibase(_ bytes: [UInt8]) throws(BrokenLaw) {
    if let text = String(validating: bytes, as: UTF8.self), let (base, data) = try? Multibase.decode(text) {
        let again = base.encode(data)
        let isSame = again.utf8.elementsEqual(text.utf8) || again.lowercased() == text.lowercased()
        try law(isSame, "A text in \(base.name) is the only one for its bytes, but for the case of letters.")
    }
    let short = Array(bytes.prefix(200))
    for base in Multibase.allCases {
        let decoded = try? Multibase.decode(base.encode(short))
        try law(decoded?.0 == base && decoded?.1 == short, "Bytes are read back from their text in \(base.name).")
    }
}
