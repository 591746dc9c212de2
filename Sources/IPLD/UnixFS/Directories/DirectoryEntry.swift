public import Multiformats

/// One entry of a directory.
public struct DirectoryEntry: Sendable, Hashable {
    /// The name, which is not always valid UTF-8.
    public let name: [UInt8]

    /// What it points to.
    public let cid: CID

    /// The size of everything below in bytes as the writer claimed it, or nil.
    public let tsize: UInt64?

    /// An entry from its parts.
    public init(name: [UInt8], cid: CID, tsize: UInt64?) {
        self.name = name
        self.cid = cid
        self.tsize = tsize
    }

    /// Throws `.malformed` for a name that no entry may have: empty, ".", "..", or with a slash or a zero byte.
    public static func check(name: [UInt8]) throws(DecodingProblem) {
        let dot: UInt8 = 0x2E
        let slash: UInt8 = 0x2F
        guard !name.isEmpty, name != [dot], name != [dot, dot], !name.contains(slash), !name.contains(0) else {
            throw DecodingProblem(.malformed, "\"\(shownName(name))\" is no name for an entry.")
        }
    }
}
