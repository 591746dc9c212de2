/// The Rabin chunker of Kubo: fingerprints over 16 bytes modulo a polynomial of degree 53 (Rabin, "Fingerprinting by
/// random polynomials", 1981; whyrusleeping/chunker).
enum Rabin {
    private static let polynomial: UInt64 = 17_437_180_132_763_653
    private static let degree: UInt64 = 53
    private static let window = 16

    /// What leaves the window, by its byte.
    private static let leaving: [UInt64] = (0..<256).map { byte in
        var hash = remainder(UInt64(byte))
        for _ in 1..<window { hash = remainder(hash << 8) }
        return hash
    }
    /// What the bits above the degree come to, by their byte.
    private static let reducing: [UInt64] = (0..<256).map { byte in
        remainder(UInt64(byte) << degree) | UInt64(byte) << degree
    }

    private static func remainder(_ value: UInt64) -> UInt64 {
        var value = value
        while value != 0, 63 - UInt64(value.leadingZeroBitCount) >= degree {
            value ^= polynomial << (63 - UInt64(value.leadingZeroBitCount) - degree)
        }
        return value
    }

    /// The length of the chunk that `bytes`, which are not empty, begin with.
    static func firstChunk(of bytes: Span<UInt8>, _ least: Int, _ average: Int, _ most: Int) -> Int {
        let end = min(bytes.count, most)
        guard end >= least else { return end }
        let mask = (UInt64(1) << UInt64(63 - UInt64(average).leadingZeroBitCount)) - 1
        let (leavingWords, reducingWords) = (leaving, reducing)
        let leaving = leavingWords.span
        let reducing = reducingWords.span
        var recent = InlineArray<16, UInt8>(repeating: 0)
        var digest: UInt64 = 0
        // A chunk starts as if a byte 1 had gone before it, and sees nothing of its first bytes.
        recent[0] = 1
        digest = appended(1, to: digest, reducing)
        var place = 1
        var position = least - window
        while position < end {
            digest ^= leaving[Int(recent[place])]
            recent[place] = bytes[position]
            place = (place + 1) & (window - 1)
            digest = appended(bytes[position], to: digest, reducing)
            position += 1
            if position >= least, digest & mask == 0 { return position }
        }
        return end
    }

    @inline(__always)
    private static func appended(_ byte: UInt8, to digest: UInt64, _ reducing: Span<UInt64>) -> UInt64 {
        let index = Int(truncatingIfNeeded: digest >> (degree - 8))
        return (digest << 8 | UInt64(byte)) ^ reducing[index]
    }
}
