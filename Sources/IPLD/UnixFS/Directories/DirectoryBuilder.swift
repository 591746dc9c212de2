public import Multiformats

/// Builds a directory from its entries: one node with a link for each, or a HAMT where the profile wants that.
public struct DirectoryBuilder: Sendable {
    private let profile: ImportProfile
    private var links: [PBLink] = []
    private var size: DirectorySize

    /// Starts an empty directory.
    public init(profile: ImportProfile) {
        self.profile = profile
        size = DirectorySize(profile.sharding)
    }

    /// The number of entries so far.
    public var count: Int { links.count }

    /// Adds an entry, in any order.
    ///
    /// - Throws: `.malformed` for a name that is empty, ".", "..", or has a slash or a zero byte.
    public mutating func add(name: [UInt8], cid: CID, tsize: UInt64) throws(DecodingProblem) {
        try DirectoryEntry.check(name: name)
        let link = PBLink(cid: cid, name: name, tsize: tsize)
        size.add(link)
        links.append(link)
    }

    /// Adds a finished file, directory or symlink; see ``add(name:cid:tsize:)``.
    public mutating func add(name: String, _ entry: DAGEntry) throws(DecodingProblem) {
        try add(name: Array(name.utf8), cid: entry.cid, tsize: entry.tsize)
    }

    /// The directory with the entries added: `emit` gets its blocks, the root last.
    ///
    /// - Throws: `.malformed` where two entries have one name; `.tooDeep` where so many names have one hash that a HAMT
    ///   cannot tell them apart; what `emit` throws.
    public func build(
        metadata: FileMetadata = .none,
        emit: (Block) throws(DecodingProblem) -> Void
    ) throws(DecodingProblem) -> DAGEntry {
        let sorted = links.sorted { ($0.name ?? []).lexicographicallyPrecedes($1.name ?? []) }
        for (left, right) in zip(sorted, sorted.dropFirst()) where left.name == right.name {
            throw DecodingProblem(.malformed, "The directory has two entries named \"\(shownName(left.name ?? []))\".")
        }
        let built =
            if size.needsShards(metadata) {
                try HAMTBuilder(profile).build(links, metadata, emit: emit)
            } else {
                BuiltNode.directory(sorted, metadata, profile)
            }
        try emit(built.block)
        return built.entry
    }
}

extension BuiltNode {
    /// A basic directory.
    static func directory(_ links: [PBLink], _ metadata: FileMetadata, _ profile: ImportProfile) -> BuiltNode {
        BuiltNode(PBNode(links: links, data: UnixFSNode(.directory).with(metadata).encoded()), profile)
    }
}

/// How large a directory is by the estimate of its profile.
struct DirectorySize: Sendable {
    private let sharding: ImportProfile.Sharding
    private(set) var count = 0
    private var sum = 0

    init(_ sharding: ImportProfile.Sharding) { self.sharding = sharding }

    mutating func add(_ link: PBLink) {
        count += 1
        sum += Self.weight(link, sharding)
    }

    /// Whether the directory has to be a HAMT.
    func needsShards(_ metadata: FileMetadata) -> Bool {
        if let most = sharding.maxLinks, most > 0, count > most { return true }
        guard sharding.estimate != .disabled else { return false }
        var size = sum
        if sharding.estimate == .block {
            let message = UnixFSNode(.directory).with(metadata).encoded().count
            size += 1 + protobufLength(UInt64(message)) + message
        }
        return size > sharding.threshold
    }

    /// What an entry adds to the estimate.
    static func weight(_ link: PBLink, _ sharding: ImportProfile.Sharding) -> Int {
        switch sharding.estimate {
        case .links: (link.name?.count ?? 0) + link.cid.bytes.count
        case .block: link.encodedLength
        case .disabled: 0
        }
    }
}
