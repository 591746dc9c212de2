public import Multiformats

/// A path below a CID: `CID/photos/a.jpg`.
public struct ContentPath: Sendable, Hashable, CustomStringConvertible {
    /// Where it begins.
    public let root: CID

    /// The names from there on, which are bytes as in directories; "." and ".." do not occur.
    public let segments: [[UInt8]]

    /// The longest text that is read, in bytes.
    public static let longestText = 64 << 10

    /// A path from its parts.
    public init(root: CID, segments: [[UInt8]] = []) {
        self.root = root
        self.segments = segments
    }

    /// Reads `CID/a/b`, `/ipfs/CID/a/b` or `ipfs://CID/a/b`; "." and ".." are resolved in the text.
    ///
    /// - Throws: `.badCharacter` where ".." leads above the root; `.tooLong`; `.unsupported` for a
    ///   name of IPNS; what ``CID/init(_:)`` throws.
    public init(_ text: String) throws(FormatProblem) {
        guard text.utf8.count <= Self.longestText else { throw FormatProblem(.tooLong, "The path is too long.") }
        var rest = text[...]
        guard !["/ipns/", "ipns://"].contains(where: { text.hasPrefix($0) }) else {
            throw FormatProblem(.unsupported, "What a name of IPNS leads to may change; a path begins with a CID.")
        }
        for prefix in ["/ipfs/", "ipfs://"] where rest.hasPrefix(prefix) {
            rest = rest.dropFirst(prefix.count)
            break
        }
        let parts = rest.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) }
        guard let first = parts.first else { throw FormatProblem(.truncated, "The path names no CID.") }
        root = try CID(shownName(first))
        var segments: [[UInt8]] = []
        for part in parts.dropFirst() {
            switch part {
            case Array(".".utf8): continue
            case Array("..".utf8):
                guard segments.popLast() != nil else {
                    throw FormatProblem(.badCharacter, "The path leads above its root.")
                }
            default: segments.append(part)
            }
        }
        self.segments = segments
    }

    /// The path with `/` between its parts, for people: see ``shownName(_:)``.
    public var description: String { ([root.description] + segments.map { shownName($0) }).joined(separator: "/") }
}

/// A name for people: the text, or, where the bytes are no UTF-8, their ASCII with all others written as `\xE9`.
public func shownName(_ name: [UInt8]) -> String {
    if let text = String(validating: name, as: UTF8.self) { return text }
    return name.map { byte in
        byte < 0x80 ? String(Unicode.Scalar(byte)) : "\\x" + String(byte, radix: 16, uppercase: true)
    }.joined()
}
