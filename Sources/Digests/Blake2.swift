internal import CBlake2

/// BLAKE2b (RFC 7693) with a digest of `length` bytes, 1 … 64.
package func blake2b(_ bytes: Span<UInt8>, length: Int) -> [UInt8] {
    precondition((1...64).contains(length), "BLAKE2b has digests of 1 to 64 bytes")
    return unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
        unsafe bytes.withUnsafeBufferPointer { input in
            _ = unsafe CBlake2.blake2b(output.baseAddress, input.baseAddress, nil, length, input.count, 0)
        }
        count = length
    }
}

/// BLAKE2s (RFC 7693) with a digest of `length` bytes, 1 … 32.
package func blake2s(_ bytes: Span<UInt8>, length: Int) -> [UInt8] {
    precondition((1...32).contains(length), "BLAKE2s has digests of 1 to 32 bytes")
    return unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
        unsafe bytes.withUnsafeBufferPointer { input in
            _ = unsafe CBlake2.blake2s(output.baseAddress, input.baseAddress, nil, length, input.count, 0)
        }
        count = length
    }
}
