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
