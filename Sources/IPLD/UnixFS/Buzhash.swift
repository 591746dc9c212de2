/// The buzhash chunker of Kubo (boxo, chunker/buzhash.go): a cyclic polynomial over 32 bytes.
enum Buzhash {
    static let least = 128 << 10
    static let most = 512 << 10
    private static let window = 32
    private static let mask: UInt32 = (1 << 17) - 1

    /// The length of the chunk that `bytes`, which are not empty, begin with.
    static func firstChunk(of bytes: Span<UInt8>) -> Int {
        let end = min(bytes.count, most)
        guard end >= least else { return end }
        let words = buzhashTable
        let table = words.span
        var state: UInt32 = 0
        var index = least - window
        for position in index..<least { state = rotated(state) ^ table[Int(bytes[position])] }
        // Kubo never cuts within the last byte of what it holds, so a chunk of the full length ends by itself.
        while index <= end - window - 1, state & mask != 0 {
            // The word of the byte that leaves has been turned 32 times, and so is what it was.
            state = rotated(state) ^ table[Int(bytes[index])] ^ table[Int(bytes[index + window])]
            index += 1
        }
        return index + window
    }

    @inline(__always)
    private static func rotated(_ state: UInt32) -> UInt32 { state << 1 | state >> 31 }
}
