public import Multiformats

/// Bytes together with the CID that names them.
public struct Block: Sendable, Hashable {
    /// The name.
    public let cid: CID

    /// The content.
    public let bytes: [UInt8]

    /// Pairs a CID with bytes that are taken to belong to it; ``verify()`` checks that.
    public init(cid: CID, bytes: [UInt8]) {
        self.cid = cid
        self.bytes = bytes
    }

    /// Hashes `bytes` and names them as the format wants.
    public init(codec: Codec, format: CIDFormat = .v1, bytes: [UInt8]) {
        self.init(cid: format.cid(of: bytes.span, codec: codec), bytes: bytes)
    }

    /// Checks that the bytes have the hash of the CID, and that the hash is one that content may be addressed by.
    ///
    /// - Throws: `.wrongHash`, `.notAllowed`, or `.unsupported` for a function that cannot be computed here.
    public func verify() throws(DecodingProblem) {
        try cid.verify(bytes.span)
    }
}

extension Block {
    /// The longest section of an archive that is read or written, in bytes without the length before it: what go-car,
    /// and so Kubo, reads.
    public static let longestSection = 8 << 20

    /// The longest block that is taken, in bytes: it fits a section under every CID that content may have.
    ///
    /// A block that only fits under the CID that it came with could be stored and pinned, and under another CID of the
    /// same hash not be packed.
    public static let longest = longestSection - 256

    /// The problem of a block that is longer.
    public static func tooLarge(_ cid: CID, length: Int) -> DecodingProblem {
        DecodingProblem(.tooLarge, "The block has \(length) bytes; the limit is \(longest).", cid: cid)
    }
}

extension CID {
    /// Checks that a block of `length` bytes may go by this name: what is taken so can be stored, packed, sent and
    /// verified.
    ///
    /// Everything that takes content in, or is about to promise that it is kept, asks this.
    /// - Throws: `.notAllowed` for a hash that content may not be addressed by, or content of more than
    ///   ``Multihash/longestDigest`` bytes in the CID itself; `.tooLarge` above ``Block/longest`` bytes.
    public func checkLimits(length: Int) throws(DecodingProblem) {
        do { try hash.checkAllowed() } catch { throw DecodingProblem(error, cid: self) }
        guard length <= Block.longest else { throw Block.tooLarge(self, length: length) }
    }

    /// Checks that `bytes` are those that this names; see ``Block/verify()``.
    func verify(_ bytes: Span<UInt8>) throws(DecodingProblem) {
        let matches: Bool
        do {
            try hash.checkAllowed()
            matches = try hash.verify(bytes)
        } catch {
            throw DecodingProblem(error, cid: self)
        }
        guard matches else {
            throw DecodingProblem(.wrongHash, "The bytes of block \(self) do not have the hash it names.", cid: self)
        }
    }
}
