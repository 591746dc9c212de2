/// How blocks are named: the version, the hash function, and up to which length a CID carries the block itself.
public struct CIDFormat: Sendable, Hashable {
    /// The version of dag-pb CIDs; anything else always has version 1.
    public let version: CID.Version

    /// The hash function.
    public let hash: HashCode

    /// Blocks up to this length become identity CIDs; nil leaves none out.
    public let inlineLimit: Int?

    /// Version 1 under sha2-256, nothing inlined.
    public static let v1 = CIDFormat(unchecked: .v1, .sha256, nil)

    /// Version 0 where it can express the codec, nothing inlined.
    public static let v0 = CIDFormat(unchecked: .v0, .sha256, nil)

    /// A format from its parts.
    ///
    /// - Throws: `.badVersion` for version 0 under another function than sha2-256; `.unsupported` for a function that
    ///   cannot be computed here; `.notAllowed` for one that content may not be addressed by; `.tooLong` for an inline
    ///   limit above ``Multihash/longestDigest``.
    public init(version: CID.Version, hash: HashCode = .sha256, inlineLimit: Int? = nil) throws(FormatProblem) {
        guard version == .v1 || hash == .sha256 else {
            throw FormatProblem(.badVersion, "A version 0 CID has a sha2-256 hash; \(hash) needs version 1.")
        }
        let sample = try Multihash(hash, of: [UInt8]().span)
        try sample.checkAllowed()
        guard (0...Multihash.longestDigest).contains(inlineLimit ?? 0) else {
            throw FormatProblem(.tooLong, "The inline limit must be between 0 and \(Multihash.longestDigest) bytes.")
        }
        self.init(unchecked: version, hash, inlineLimit)
    }

    /// The CID of a block; one that identity cannot hold is named by sha2-256, so whoever asks for identity looks at
    /// it.
    public func cid(of bytes: Span<UInt8>, codec: Codec) -> CID {
        let isInline = inlineLimit.map { bytes.count <= $0 } ?? false
        // The function was tried when the format was made, so only identity can refuse, for a block that is too long.
        let hash = (try? Multihash(isInline ? .identity : hash, of: bytes)) ?? .sha256(of: bytes)
        let cid = CID.v1(codec, hash)
        return version == .v0 && !isInline ? cid.v0 ?? cid : cid
    }

    private init(unchecked version: CID.Version, _ hash: HashCode, _ inlineLimit: Int?) {
        self.version = version
        self.hash = hash
        self.inlineLimit = inlineLimit
    }
}
