public import Multiformats

/// How content becomes blocks: everything that the CID of a file or directory depends on (IPIP-499).
public struct ImportProfile: Sendable, Hashable {
    /// How the size of a directory is estimated before it is compared with the threshold.
    public enum DirectoryEstimate: String, Sendable, Hashable, CaseIterable {
        /// The sum of the lengths of names and binary CIDs.
        case links
        /// The exact length of the encoded node.
        case block
    }

    /// The largest chunk, in bytes: 2 MiB − 256.
    public static let largestChunk = 2_096_896

    /// The name that users know.
    public let name: String

    /// The version of dag-pb CIDs; raw leaves are always version 1.
    public let cidVersion: CID.Version

    /// The length of a chunk, in bytes.
    public let chunkSize: Int

    /// Whether leaves are raw blocks rather than dag-pb nodes.
    public let rawLeaves: Bool

    /// The most links of one file node.
    public let maxFileLinks: Int

    /// How large directories are recognised.
    public let directoryEstimate: DirectoryEstimate

    /// The estimate in bytes above which a directory has to be sharded.
    public let shardThreshold: Int

    /// The profile for new content: version 1, 1 MiB raw chunks, 1024 links.
    public static let unixfsV1_2025 = ImportProfile(
        unchecked: "unixfs-v1-2025",
        .v1,
        1 << 20,
        true,
        1024,
        .block
    )

    /// What Kubo does unless told otherwise: version 0, 256 KiB chunks in dag-pb leaves, 174 links.
    public static let unixfsV0_2015 = ImportProfile(
        unchecked: "unixfs-v0-2015",
        .v0,
        1 << 18,
        false,
        174,
        .links
    )

    /// The named profiles, the preferred one first.
    public static let all = [unixfsV1_2025, unixfsV0_2015]

    /// The profile of that name, or nil.
    public init?(named name: String) {
        guard let profile = Self.all.first(where: { $0.name == name }) else { return nil }
        self = profile
    }

    /// A profile of one's own; throws `.unsupported` for a chunk size outside 1 … 2,096,896 or fewer than 2 links.
    public init(
        name: String,
        cidVersion: CID.Version,
        chunkSize: Int,
        rawLeaves: Bool,
        maxFileLinks: Int = 174,
        directoryEstimate: DirectoryEstimate = .links
    ) throws(DecodingProblem) {
        guard (1...Self.largestChunk).contains(chunkSize) else {
            throw DecodingProblem(.unsupported, "A chunk size must be between 1 and \(Self.largestChunk) bytes.")
        }
        guard maxFileLinks >= 2 else {
            throw DecodingProblem(.unsupported, "A file node must be able to hold at least 2 links.")
        }
        self.init(unchecked: name, cidVersion, chunkSize, rawLeaves, maxFileLinks, directoryEstimate)
    }

    private init(
        unchecked name: String,
        _ cidVersion: CID.Version,
        _ chunkSize: Int,
        _ rawLeaves: Bool,
        _ maxFileLinks: Int,
        _ directoryEstimate: DirectoryEstimate
    ) {
        self.name = name
        self.cidVersion = cidVersion
        self.chunkSize = chunkSize
        self.rawLeaves = rawLeaves
        self.maxFileLinks = maxFileLinks
        self.directoryEstimate = directoryEstimate
        shardThreshold = 1 << 18
    }
}
