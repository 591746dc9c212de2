public import Multiformats

/// A block inside a content archive, and where it stands there.
///
/// Its bytes are a part of those that were read with it, which stay in memory as long as it does: take ``block`` to
/// keep one for long.
public struct CARSection: Sendable, Hashable {
    /// The name.
    public let cid: CID

    /// The content.
    public let bytes: ArraySlice<UInt8>

    /// The offset of the section's first byte, from the start of the archive.
    public let offset: Int

    /// The offset of the content's first byte, from the start of the archive.
    public let dataOffset: Int

    /// Reads the section that begins at `start` in bytes, whatever follows it; offsets are counted from the first byte.
    ///
    /// - Throws: `.truncated`, `.malformed`, `.tooLarge`.
    public init(in bytes: [UInt8], at start: Int) throws(DecodingProblem) {
        var reader = ByteReader(bytes, range: start..<bytes.count)
        do {
            let length = try reader.readVarint()
            let first = reader.offset
            guard length <= UInt64(Block.longestSection), length <= UInt64(reader.remaining) else {
                throw DecodingProblem(.truncated, "A section of \(length) bytes does not fit where it should be.")
            }
            cid = try CID.decode(from: &reader)
            let end = first + Int(length)
            guard reader.offset <= end else {
                throw DecodingProblem(.malformed, "A section ends inside its CID.")
            }
            offset = start
            dataOffset = reader.offset
            self.bytes = bytes[reader.offset..<end]
        } catch let error as DecodingProblem {
            throw error
        } catch {
            throw DecodingProblem(.malformed, "No section begins here: \(error)")
        }
    }

    /// A section from its parts.
    init(cid: CID, bytes: ArraySlice<UInt8>, offset: Int, dataOffset: Int) {
        (self.cid, self.bytes, self.offset, self.dataOffset) = (cid, bytes, offset, dataOffset)
    }

    /// The block by itself, with a copy of the content.
    public var block: Block { Block(cid: cid, bytes: Array(bytes)) }

    /// Checks that the bytes have the hash of the CID; throws what ``Block/verify()`` does.
    public func verify() throws(DecodingProblem) {
        let span = bytes.span
        try cid.verify(span)
    }

    /// The CIDs that the block links to; throws what ``links(of:)`` does.
    public var links: [CID] {
        get throws(DecodingProblem) { cid.codec.isLinkless ? [] : try IPLD.links(of: block) }
    }

    /// The bytes that go before a block of `length` bytes: the section's length and the CID.
    public static func prefix(for cid: CID, length: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(9 + cid.bytes.count)
        Varint.append(UInt64(cid.bytes.count + length), to: &bytes)
        bytes.append(contentsOf: cid.bytes)
        return bytes
    }

    /// The length of the whole section of a block of `length` bytes.
    public static func length(for cid: CID, length: Int) -> Int {
        let inner = cid.bytes.count + length
        return Varint.length(UInt64(inner)) + inner
    }
}
