extension CID: CustomStringConvertible {
    /// The longest text that is read as a CID, in bytes.
    public static let longestText = 2048

    /// The usual text: base58btc for version 0, base32 in lower case for version 1.
    public var description: String {
        version == .v0 ? Multibase.base58btc.encodeWithoutPrefix(bytes) : Multibase.base32.encode(bytes)
    }

    /// Appends the usual text, in ASCII.
    package func appendText(to text: inout [UInt8]) {
        guard version == .v1, let alphabet = Multibase.base32.alphabet else {
            text.append(contentsOf: description.utf8)
            return
        }
        text.append(UInt8(ascii: "b"))
        alphabet.appendGroupedDigits(bytes, to: &text)
    }

    /// The text in another base; nil for version 0, which has only one text.
    public func text(in base: Multibase) -> String? {
        version == .v0 ? nil : base.encode(bytes)
    }

    /// Reads the text of a CID in any base, with nothing around it.
    ///
    /// - Throws: what ``Multibase/decode(_:)`` and ``init(bytes:)`` throw; `.badVersion` for a version 0 CID that
    ///   carries a multibase prefix; `.tooLong` above ``longestText``.
    public init(_ text: String) throws(FormatProblem) { self = try Self.read(text).cid }

    /// Reads what a person may give for a CID: the text itself, `/ipfs/CID` or `ipfs://CID`, spaces around it ignored.
    public init(userText: String) throws(FormatProblem) { self = try Self.read(userText: userText).cid }

    /// Reads the same as ``init(userText:)`` does, and says which base the text is in.
    public static func read(userText: String) throws(FormatProblem) -> (cid: CID, base: Multibase) {
        var text = userText[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        for prefix in ["/ipfs/", "ipfs://"] where text.hasPrefix(prefix) {
            text.removeFirst(prefix.count)
            if text.last == "/" { text.removeLast() }
            break
        }
        guard !text.contains("/") else {
            throw FormatProblem(.badCharacter, "A path below a CID was given where a CID alone is wanted.")
        }
        return try read(String(text))
    }

    private static func read(_ text: String) throws(FormatProblem) -> (cid: CID, base: Multibase) {
        guard text.utf8.count <= Self.longestText else {
            throw FormatProblem(.tooLong, "The text is too long to be a CID.")
        }
        if text.utf8.count == 46, text.hasPrefix("Qm") {
            let cid = try CID(bytes: Multibase.base58btc.decodeWithoutPrefix(text))
            guard cid.version == .v0 else {
                throw FormatProblem(.badVersion, "The text looks like a version 0 CID and is none.")
            }
            return (cid, .base58btc)
        }
        let (base, bytes) = try Multibase.decode(text)
        guard bytes.first != 0x12 else {
            throw FormatProblem(.badVersion, "A version 0 CID may not carry a multibase prefix.")
        }
        return (try CID(bytes: bytes), base)
    }
}
