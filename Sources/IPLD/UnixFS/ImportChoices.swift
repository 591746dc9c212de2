public import Multiformats

/// What somebody asks for beside a profile, in the terms of Kubo's `add`; what is nil is left to the profile.
public struct ImportChoices: Sendable, Hashable {
    /// The version of CIDs: 0 or 1.
    public var cidVersion: Int?
    /// The hash function; any but sha2-256 means version 1.
    public var hash: HashCode?
    /// Whether leaves are raw blocks; version 1 means that they are.
    public var rawLeaves: Bool?
    /// How content is cut.
    public var chunker: Chunker?
    /// The most links of one file node.
    public var maxFileLinks: Int?
    /// The number of entries above which a directory is sharded; 0 for any number.
    public var maxDirectoryLinks: Int?
    /// The number of buckets of a shard.
    public var maxHAMTFanout: Int?
    /// Whether files become trickle trees.
    public var trickle = false
    /// Blocks up to this length become part of their CIDs.
    public var inlineLimit: Int?
    /// Whether permissions or times are kept.
    public var keepsMetadata = false

    /// Nothing is asked for.
    public init() {}

    /// The profile with these choices, where what is not said follows from what is, as in Kubo.
    ///
    /// - Throws: `.unsupported` for choices that contradict one another or are out of bounds.
    public func applied(to base: ImportProfile) throws(DecodingProblem) -> ImportProfile {
        var profile = base
        let version = try version(base)
        profile.cids = try decoding { () throws(FormatProblem) in
            try CIDFormat(
                version: version,
                hash: hash ?? base.cids.hash,
                inlineLimit: inlineLimit ?? base.cids.inlineLimit
            )
        }
        // Asking for version 1 asks for raw leaves; a profile that has version 1 anyway says itself what it has.
        let impliesRaw = version == .v1 && base.cids.version == .v0
        profile.rawLeaves = rawLeaves ?? (impliesRaw || base.rawLeaves && (version == .v1 || cidVersion == nil))
        if keepsMetadata {
            guard rawLeaves != true else {
                throw DecodingProblem(.unsupported, "Raw leaves have no room for permissions and times.")
            }
            profile.rawLeaves = false
        }
        profile.chunker = chunker ?? base.chunker
        profile.maxFileLinks = maxFileLinks ?? base.maxFileLinks
        if let maxDirectoryLinks { profile.sharding.maxLinks = maxDirectoryLinks }
        profile.sharding.fanout = maxHAMTFanout ?? base.sharding.fanout
        if trickle { profile.layout = .trickle }
        try profile.validate()
        return profile
    }

    private func version(_ base: ImportProfile) throws(DecodingProblem) -> CID.Version {
        switch cidVersion {
        case 1: return .v1
        case 0:
            guard (hash ?? base.cids.hash) == .sha256 else {
                throw DecodingProblem(.unsupported, "Version 0 of CIDs supports only sha2-256.")
            }
            return .v0
        case nil: return (hash ?? base.cids.hash) == .sha256 ? base.cids.version : .v1
        default: throw DecodingProblem(.unsupported, "There is no CID version \(cidVersion ?? 0); 0 and 1 exist.")
        }
    }
}
