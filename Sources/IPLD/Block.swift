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

extension CID {
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
