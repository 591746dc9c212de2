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
        root = try CID(String(decoding: first, as: UTF8.self))
        var segments: [[UInt8]] = []
        for part in parts.dropFirst() {
            switch String(decoding: part, as: UTF8.self) {
            case ".": continue
            case "..":
                guard segments.popLast() != nil else {
                    throw FormatProblem(.badCharacter, "The path leads above its root.")
                }
            default: segments.append(part)
            }
        }
        self.segments = segments
    }

    /// The path with `/` between its parts.
    public var description: String {
        ([root.description] + segments.map { String(decoding: $0, as: UTF8.self) }).joined(separator: "/")
    }
}
