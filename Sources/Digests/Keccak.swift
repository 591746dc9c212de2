/// Keccak as it was submitted to the SHA-3 contest: SHA-3 (FIPS 202) with the padding of the original.
///
/// OpenSSL 3.0 has only the final padding, and no other library in Debian 12 has this one.
package func keccak(_ bytes: Span<UInt8>, length: Int) -> [UInt8] {
    let rate = 200 - 2 * length
    var state = KeccakState()
    var offset = 0
    while bytes.count - offset >= rate {
        for index in 0..<rate { state.add(bytes[offset + index], at: index) }
        state.permute()
        offset += rate
    }
    for index in offset..<bytes.count { state.add(bytes[index], at: index - offset) }
    state.add(0x01, at: bytes.count - offset)
    state.add(0x80, at: rate - 1)
    state.permute()
    return (0..<length).map { UInt8(truncatingIfNeeded: state.lanes[$0 / 8] >> UInt64($0 % 8 * 8)) }
}

/// The 1600 bits of Keccak-f and their permutation (FIPS 202 §3.2, §3.3).
private struct KeccakState {
    var lanes = InlineArray<25, UInt64>(repeating: 0)

    private static let rotations: [UInt64] = [
        1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44,
    ]
    private static let path = [
        10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1,
    ]
    /// The constants of the rounds, made by the shift register of §3.2.5.
    private static let constants: [UInt64] = {
        var register: UInt8 = 1
        return (0..<24).map { _ in
            var constant: UInt64 = 0
            for power in 0..<7 {
                if register & 1 == 1 { constant |= 1 << ((1 << UInt64(power)) - 1) }
                register = register & 0x80 == 0 ? register << 1 : (register << 1) ^ 0x71
            }
            return constant
        }
    }()

    mutating func add(_ byte: UInt8, at index: Int) {
        lanes[index / 8] ^= UInt64(byte) << UInt64(index % 8 * 8)
    }

    mutating func permute() {
        for constant in Self.constants {
            var parity = InlineArray<5, UInt64>(repeating: 0)
            for lane in 0..<25 { parity[lane % 5] ^= lanes[lane] }
            for lane in 0..<25 {
                lanes[lane] ^= parity[(lane + 4) % 5] ^ Self.rotate(parity[(lane + 1) % 5], 1)
            }
            var moved = lanes[1]
            for (place, count) in zip(Self.path, Self.rotations) {
                (lanes[place], moved) = (Self.rotate(moved, count), lanes[place])
            }
            for row in stride(from: 0, to: 25, by: 5) {
                var old = InlineArray<5, UInt64>(repeating: 0)
                for column in 0..<5 { old[column] = lanes[row + column] }
                for column in 0..<5 {
                    lanes[row + column] = old[column] ^ (~old[(column + 1) % 5] & old[(column + 2) % 5])
                }
            }
            lanes[0] ^= constant
        }
    }

    private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
}
