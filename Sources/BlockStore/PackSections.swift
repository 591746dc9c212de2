internal import IPLD
internal import Multiformats
internal import POSIX

/// A stretch of a pack that was read into memory, and where in it the sections are.
struct PackSections: Sendable {
    /// One section: a CID and a block, by their places in ``bytes``.
    struct Section: Sendable {
        /// Where the length before the CID begins.
        let start: Int
        /// Where the CID begins.
        let cid: Int
        let end: Int
    }

    /// The bytes of whole sections, and what follows them.
    let bytes: [UInt8]
    /// The offset of the first byte in the pack.
    let offset: UInt64
    let sections: [Section]

    /// The CID of a section, and where the block begins; nil where it begins with no CID.
    func cid(of section: Section) -> (cid: CID, block: Int)? {
        var reader = ByteReader(bytes, range: section.cid..<section.end)
        guard let cid = try? CID.decode(from: &reader) else { return nil }
        return (cid, reader.offset)
    }

    /// The block of a section, unchecked; nil where there is none.
    func block(of section: Section) -> Block? {
        guard let (cid, start) = cid(of: section) else { return nil }
        return Block(cid: cid, bytes: Array(bytes[start..<section.end]))
    }
}
