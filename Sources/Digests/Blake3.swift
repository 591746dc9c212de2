/// BLAKE3 (the BLAKE3 paper, §2) without a key, with an output of `length` bytes.
///
/// No library in Debian 12 has it.
package func blake3(_ bytes: Span<UInt8>, length: Int) -> [UInt8] {
    // The chaining values of finished subtrees, largest first; how many there are follows from the chunks so far.
    var stack: [Blake3.Value] = []
    var offset = 0
    var chunk: UInt64 = 0
    while bytes.count - offset > Blake3.chunkLength {
        var value = Blake3.output(ofChunk: chunk, bytes.extracting(offset..<offset + Blake3.chunkLength)).chainingValue
        offset += Blake3.chunkLength
        chunk += 1
        var total = chunk
        while total & 1 == 0, let left = stack.popLast() {
            value = Blake3.parent(left, value).chainingValue
            total >>= 1
        }
        stack.append(value)
    }
    var output = Blake3.output(ofChunk: chunk, bytes.extracting(offset..<bytes.count))
    while let left = stack.popLast() { output = Blake3.parent(left, output.chainingValue) }
    return output.root(length: length)
}

/// The compression function and the two kinds of nodes.
private enum Blake3 {
    typealias Value = InlineArray<8, UInt32>
    typealias Words = InlineArray<16, UInt32>

    static let chunkLength = 1024
    private static let (chunkStart, chunkEnd, parentFlag, rootFlag): (UInt32, UInt32, UInt32, UInt32) = (1, 2, 4, 8)

    /// The value that every chunk and parent starts with: that of SHA-256.
    private static var start: Value {
        [
            0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
        ]
    }

    /// A node that is not compressed yet, since only the last one knows that it is the root.
    struct Output {
        let input: Value
        let block: Words
        let counter: UInt64
        let length: UInt32
        let flags: UInt32

        var chainingValue: Value { first(compress(input, block, counter, length, flags)) }

        func root(length wanted: Int) -> [UInt8] {
            var bytes: [UInt8] = []
            var counter: UInt64 = 0
            while bytes.count < wanted {
                let words = compress(input, block, counter, length, flags | rootFlag)
                for index in words.indices {
                    for shift in stride(from: UInt32(0), to: 32, by: 8) {
                        bytes.append(UInt8(truncatingIfNeeded: words[index] >> shift))
                    }
                }
                counter += 1
            }
            return Array(bytes[..<wanted])
        }
    }

    static func parent(_ left: Value, _ right: Value) -> Output {
        var block = Words(repeating: 0)
        for index in 0..<8 {
            block[index] = left[index]
            block[index + 8] = right[index]
        }
        return Output(input: start, block: block, counter: 0, length: 64, flags: parentFlag)
    }

    static func output(ofChunk counter: UInt64, _ bytes: Span<UInt8>) -> Output {
        var value = start
        var offset = 0
        var flags = chunkStart
        while bytes.count - offset > 64 {
            value = first(compress(value, words(bytes, offset, 64), counter, 64, flags))
            flags = 0
            offset += 64
        }
        let left = bytes.count - offset
        return Output(
            input: value,
            block: words(bytes, offset, left),
            counter: counter,
            length: UInt32(left),
            flags: flags | chunkEnd
        )
    }

    private static func words(_ bytes: Span<UInt8>, _ offset: Int, _ count: Int) -> Words {
        var words = Words(repeating: 0)
        for index in 0..<count { words[index >> 2] |= UInt32(bytes[offset + index]) << UInt32((index & 3) << 3) }
        return words
    }

    private static func first(_ words: Words) -> Value {
        var value = Value(repeating: 0)
        for index in 0..<8 { value[index] = words[index] }
        return value
    }

    private static func compress(
        _ input: Value,
        _ block: Words,
        _ counter: UInt64,
        _ length: UInt32,
        _ flags: UInt32
    ) -> Words {
        var state = Words(repeating: 0)
        for index in 0..<8 { state[index] = input[index] }
        for index in 0..<4 { state[index + 8] = start[index] }
        state[12] = UInt32(truncatingIfNeeded: counter)
        state[13] = UInt32(truncatingIfNeeded: counter >> 32)
        state[14] = length
        state[15] = flags
        var message = block
        for round in 0..<7 {
            for column in 0..<4 {
                mix(&state, column, column + 4, column + 8, column + 12, message[2 * column], message[2 * column + 1])
            }
            for diagonal in 0..<4 {
                let (b, c, d) = (4 + ((diagonal + 1) & 3), 8 + ((diagonal + 2) & 3), 12 + ((diagonal + 3) & 3))
                mix(&state, diagonal, b, c, d, message[8 + 2 * diagonal], message[9 + 2 * diagonal])
            }
            if round < 6 { message = permuted(message) }
        }
        for index in 0..<8 {
            state[index] ^= state[index + 8]
            state[index + 8] ^= input[index]
        }
        return state
    }

    private static func permuted(_ words: Words) -> Words {
        [
            words[2], words[6], words[3], words[10], words[7], words[0], words[4], words[13],
            words[1], words[11], words[12], words[5], words[9], words[14], words[15], words[8],
        ]
    }

    private static func mix(
        _ state: inout Words,
        _ a: Int,
        _ b: Int,
        _ c: Int,
        _ d: Int,
        _ first: UInt32,
        _ second: UInt32
    ) {
        state[a] = state[a] &+ state[b] &+ first
        state[d] = rotate(state[d] ^ state[a], 16)
        state[c] = state[c] &+ state[d]
        state[b] = rotate(state[b] ^ state[c], 12)
        state[a] = state[a] &+ state[b] &+ second
        state[d] = rotate(state[d] ^ state[a], 8)
        state[c] = state[c] &+ state[d]
        state[b] = rotate(state[b] ^ state[c], 7)
    }

    private static func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value >> count | value << (32 - count) }
}
