public import Multiformats

/// Builds a basic directory: one node with a link for each entry.
public struct DirectoryBuilder: Sendable {
    private let profile: ImportProfile
    private var links: [PBLink] = []
    private var estimate: Int

    /// Starts an empty directory.
    public init(profile: ImportProfile) {
        self.profile = profile
        // The key, the length and the two bytes of the directory's own message.
        estimate = profile.sharding.estimate == .block ? 4 : 0
    }

    /// The number of entries so far.
    public var count: Int { links.count }

    /// Adds an entry, in any order.
    ///
    /// - Throws: `.malformed` for a name that is empty, ".", "..", or has a slash or a zero byte; `.unsupported` where
    ///   the directory becomes so large that the profile wants a HAMT.
    public mutating func add(name: [UInt8], cid: CID, tsize: UInt64) throws(DecodingProblem) {
        guard Self.isValid(name) else {
            throw DecodingProblem(.malformed, "\"\(String(decoding: name, as: UTF8.self))\" is no name for an entry.")
        }
        let link = PBLink(cid: cid, name: name, tsize: tsize)
        switch profile.sharding.estimate {
        case .links: estimate += name.count + cid.bytes.count
        case .block: estimate += link.encodedLength
        case .disabled: break
        }
        guard estimate <= profile.sharding.threshold else {
            throw DecodingProblem(
                .unsupported,
                "The directory is so large that \(profile.name) stores it as a HAMT, which this program cannot write."
            )
        }
        links.append(link)
    }

    /// Adds a finished file, directory or symlink; see ``add(name:cid:tsize:)``.
    public mutating func add(name: String, _ entry: DAGEntry) throws(DecodingProblem) {
        try add(name: Array(name.utf8), cid: entry.cid, tsize: entry.tsize)
    }

    /// The directory with the entries added; throws `.malformed` where two have one name.
    public func build() throws(DecodingProblem) -> BuiltNode {
        let sorted = links.sorted { ($0.name ?? []).lexicographicallyPrecedes($1.name ?? []) }
        for (left, right) in zip(sorted, sorted.dropFirst()) where left.name == right.name {
            let name = String(decoding: left.name ?? [], as: UTF8.self)
            throw DecodingProblem(.malformed, "The directory has two entries named \"\(name)\".")
        }
        return BuiltNode(PBNode(links: sorted, data: UnixFSNode(.directory).encoded()), profile)
    }

    private static func isValid(_ name: [UInt8]) -> Bool {
        let dot: UInt8 = 0x2E
        let slash: UInt8 = 0x2F
        return !name.isEmpty && name != [dot] && name != [dot, dot] && !name.contains(slash) && !name.contains(0)
    }
}
