internal import Digests
internal import Multiformats

/// What a block is found by: 32 bytes, as four numbers whose order is that of the bytes.
///
/// It is the digest of a sha2-256 hash, which nearly all blocks have, and for every other multihash the BLAKE2b-256 of
/// its bytes. So that two blocks had one key, a sha2-256 would have to be a BLAKE2b of something.
struct BlockKey: Hashable, Comparable, Sendable, BitwiseCopyable {
    let first: UInt64
    let second: UInt64
    let third: UInt64
    let fourth: UInt64

    /// The key of a multihash.
    init(_ hash: Multihash) {
        if hash.code == .sha256, hash.digest.count == 32 {
            self.init(hash.digest)
        } else {
            self.init(blake2b(hash.bytes.span, length: 32)[...])
        }
    }

    /// The key of what is stored under a CID.
    init(_ cid: CID) { self.init(cid.hash) }

    private init(_ bytes: ArraySlice<UInt8>) {
        func word(_ number: Int) -> UInt64 {
            let start = bytes.startIndex + number * 8
            return bytes[start..<start + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
        self.init(first: word(0), second: word(1), third: word(2), fourth: word(3))
    }

    init(first: UInt64, second: UInt64, third: UInt64, fourth: UInt64) {
        self.first = first
        self.second = second
        self.third = third
        self.fourth = fourth
    }

    /// The 32 bytes in hexadecimal digits.
    var hexadecimal: String {
        [first, second, third, fourth].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    static func < (left: BlockKey, right: BlockKey) -> Bool {
        if left.first != right.first { return left.first < right.first }
        if left.second != right.second { return left.second < right.second }
        if left.third != right.third { return left.third < right.third }
        return left.fourth < right.fourth
    }
}
