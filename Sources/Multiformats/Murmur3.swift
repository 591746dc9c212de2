/// The first 64 bits of MurmurHash3 x64 128 with seed 0 (Austin Appleby's reference, MurmurHash3.cpp).
///
/// It is not cryptographic: sharded directories use it to spread names over buckets.
public func murmur3x64(_ bytes: Span<UInt8>) -> UInt64 {
    var low: UInt64 = 0
    var high: UInt64 = 0
    let whole = bytes.count & ~15
    var offset = 0
    while offset < whole {
        low ^= scrambledLow(word(bytes, offset, 8))
        low = (rotate(low, 27) &+ high) &* 5 &+ 0x52DC_E729
        high ^= scrambledHigh(word(bytes, offset + 8, 8))
        high = (rotate(high, 31) &+ low) &* 5 &+ 0x3849_5AB5
        offset += 16
    }
    let left = bytes.count - whole
    if left > 8 { high ^= scrambledHigh(word(bytes, whole + 8, left - 8)) }
    if left > 0 { low ^= scrambledLow(word(bytes, whole, min(left, 8))) }
    low ^= UInt64(bytes.count)
    high ^= UInt64(bytes.count)
    low &+= high
    high &+= low
    return mixed(low) &+ mixed(high)
}

private func word(_ bytes: Span<UInt8>, _ offset: Int, _ count: Int) -> UInt64 {
    var word: UInt64 = 0
    for index in 0..<count { word |= UInt64(bytes[offset + index]) << UInt64(index << 3) }
    return word
}

private func scrambledLow(_ word: UInt64) -> UInt64 {
    rotate(word &* 0x87C3_7B91_1142_53D5, 31) &* 0x4CF5_AD43_2745_937F
}

private func scrambledHigh(_ word: UInt64) -> UInt64 {
    rotate(word &* 0x4CF5_AD43_2745_937F, 33) &* 0x87C3_7B91_1142_53D5
}

private func mixed(_ value: UInt64) -> UInt64 {
    var value = (value ^ (value >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    value = (value ^ (value >> 33)) &* 0xC4CE_B9FE_1A85_EC53
    return value ^ (value >> 33)
}

private func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
