/// Where the bytes of a block are.
package struct BlockLocation: Sendable, Hashable {
    /// The number of the pack.
    package let pack: Int64
    /// The offset of the block's first byte in the pack.
    package let offset: UInt64
    /// The length of the block in bytes.
    package let length: Int

    package init(pack: Int64, offset: UInt64, length: Int) {
        self.pack = pack
        self.offset = offset
        self.length = length
    }
}
