public import Multiformats

/// One block inside a content archive.
public enum CARSection {
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
