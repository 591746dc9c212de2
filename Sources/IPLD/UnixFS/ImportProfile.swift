public import Multiformats

/// How content becomes blocks: everything that the CID of a file or directory depends on (IPIP-499).
public struct ImportProfile: Sendable, Hashable {
    /// How the leaves of a file are put together.
    public enum Layout: String, Sendable, Hashable, CaseIterable {
        /// All leaves at one depth.
        case balanced
        /// Leaves at growing depths, the first ones nearest to the root.
        case trickle
    }

    /// When a directory is stored as a HAMT, and how wide that is.
    public struct Sharding: Sendable, Hashable {
        /// How the size of a directory is estimated before it is compared with the threshold.
        public enum Estimate: String, Sendable, Hashable, CaseIterable {
            /// The sum of the lengths of names and binary CIDs.
            case links
            /// The exact length of the encoded node.
            case block
            /// No estimate: only the number of links counts.
            case disabled
        }

        /// How the size is estimated.
        public var estimate: Estimate

        /// The estimate in bytes above which a directory is sharded.
        public var threshold = 1 << 18

        /// The number of entries above which a directory is sharded; nil for any number.
        public var maxLinks: Int?

        /// The number of buckets of a shard.
        public var fanout = 256

        /// Sharding by this estimate, with the usual threshold and width.
        public init(estimate: Estimate) { self.estimate = estimate }
    }

    /// The name that users know.
    public var name: String

    /// How blocks are named.
    public var cids: CIDFormat

    /// How content is cut.
    public var chunker: Chunker

    /// How leaves are put together.
    public var layout = Layout.balanced

    /// Whether leaves are raw blocks rather than dag-pb nodes.
    public var rawLeaves: Bool

    /// The most links of one file node.
    public var maxFileLinks: Int

    /// When directories are sharded.
    public var sharding: Sharding

    /// The profile for new content: version 1, 1 MiB raw chunks, 1024 links.
    public static let unixfsV1_2025 = ImportProfile(
        name: "unixfs-v1-2025",
        cids: .v1,
        chunker: .size(1 << 20),
        rawLeaves: true,
        maxFileLinks: 1024,
        sharding: Sharding(estimate: .block)
    )

    /// What Kubo does unless told otherwise: version 0, 256 KiB chunks in dag-pb leaves, 174 links.
    public static let unixfsV0_2015 = ImportProfile(
        name: "unixfs-v0-2015",
        cids: .v0,
        chunker: .size(1 << 18),
        rawLeaves: false,
        maxFileLinks: 174,
        sharding: Sharding(estimate: .links)
    )

    /// The named profiles, the preferred one first.
    public static let all = [unixfsV1_2025, unixfsV0_2015]

    /// The profile of that name, or nil.
    public init?(named name: String) {
        guard let profile = Self.all.first(where: { $0.name == name }) else { return nil }
        self = profile
    }

    /// A profile of one's own, unchecked; see ``validate()``.
    public init(
        name: String,
        cids: CIDFormat,
        chunker: Chunker,
        rawLeaves: Bool,
        maxFileLinks: Int,
        sharding: Sharding
    ) {
        self.name = name
        self.cids = cids
        self.chunker = chunker
        self.rawLeaves = rawLeaves
        self.maxFileLinks = maxFileLinks
        self.sharding = sharding
    }

    /// The profile that files with metadata are built with: raw leaves have no room for them.
    public func keepingMetadata() -> ImportProfile {
        var profile = self
        profile.rawLeaves = false
        return profile
    }

    /// Throws `.unsupported` for a chunker out of bounds, fewer than 2 links, or a fanout that is no power of two
    /// between 8 and 1024.
    public func validate() throws(DecodingProblem) {
        try chunker.validate()
        guard maxFileLinks >= 2 else {
            throw DecodingProblem(.unsupported, "A file node must be able to hold at least 2 links.")
        }
        guard (8...1024).contains(sharding.fanout), sharding.fanout.nonzeroBitCount == 1 else {
            throw DecodingProblem(.unsupported, "A HAMT fanout must be a power of two between 8 and 1024.")
        }
    }
}
