internal import Glibc

extension File {
    /// Whether the file has these bytes at `offset`; also false where it cannot be read.
    package func holds(_ bytes: ArraySlice<UInt8>, at offset: UInt64) -> Bool {
        guard let there = try? read(at: offset, count: bytes.count), there.count == bytes.count else { return false }
        return unsafe there.withUnsafeBytes { there in
            unsafe bytes.withUnsafeBytes { bytes in
                guard let left = there.baseAddress, let right = bytes.baseAddress else { return true }
                return unsafe memcmp(left, right, bytes.count) == 0
            }
        }
    }
}
