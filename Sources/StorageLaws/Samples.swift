internal import Digests

/// Numbers that look like chance and are the same for the same seed (SplitMix64).
package struct SeededNumbers: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The next `count` bytes.
    package mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            var word = next()
            for _ in 0..<8 {
                bytes.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

/// Bytes that differ from place to place: the same for the same count and seed.
///
/// Numbered blocks of a prime length make it quick to make many, and any two parts of them different.
package func sampleBytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var numbers = SeededNumbers(seed: seed &* 1_000_003 &+ UInt64(count))
    let block = numbers.bytes(min(count, 4093))
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 4096)
    var number = 0
    while bytes.count < count {
        bytes += block
        bytes += [UInt8(truncatingIfNeeded: number >> 16), UInt8(truncatingIfNeeded: number >> 8)]
        bytes.append(UInt8(truncatingIfNeeded: number))
        number += 1
    }
    bytes.removeLast(bytes.count - count)
    return bytes
}

/// Whether both are the same bytes; large ones are compared by their digests, which is quicker.
func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    guard one.count == other.count else { return false }
    guard one.count > 4096 else { return one == other }
    return digest(.sha256, of: one) == digest(.sha256, of: other)
}
