/// What follows from the number of buckets of a HAMT.
struct ShardForm: Sendable, Hashable {
    /// The number of buckets, a power of two.
    let fanout: Int

    /// The characters of a link's name that say its bucket.
    var prefixLength: Int { String(fanout - 1, radix: 16).utf8.count }

    /// The bits of the hash that one level takes.
    private var bits: Int { fanout.trailingZeroBitCount }

    /// The bucket of a name at a level, the root having level 0; throws `.tooDeep` where the hash is used up.
    func bucket(of hash: UInt64, level: Int) throws(DecodingProblem) -> Int {
        let end = (level + 1) * bits
        guard end <= 64 else {
            throw DecodingProblem(.tooDeep, "Two names of a sharded directory cannot be told apart by their hashes.")
        }
        return Int(truncatingIfNeeded: hash >> UInt64(64 - end)) & (fanout - 1)
    }

    /// The first bits of the hashes of all names below a bucket of a shard that is itself reached by the bits `path`.
    func path(_ path: UInt64, _ bucket: Int) -> UInt64 { path << UInt64(bits) | UInt64(bucket) }

    /// Whether a hash begins with the bits of a path that ends at a bucket of a shard of `level`.
    func leads(_ hash: UInt64, to path: UInt64, level: Int) throws(DecodingProblem) -> Bool {
        _ = try bucket(of: hash, level: level)
        return hash >> UInt64(64 - (level + 1) * bits) == path
    }

    /// The bucket as it stands before names: hexadecimal in upper case, filled up with zeros.
    func prefix(of bucket: Int) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return (0..<prefixLength).reversed().map { digits[bucket >> (4 * $0) & 15] }
    }

    /// The bucket that a link's name begins with, or nil where it is none.
    func bucket(ofName name: some Collection<UInt8>) -> Int? {
        let prefix = Array(name.prefix(prefixLength))
        guard prefix.count == prefixLength else { return nil }
        var value = 0
        for digit in prefix {
            switch digit {
            case 0x30...0x39: value = value << 4 | Int(digit - 0x30)
            case 0x41...0x46: value = value << 4 | Int(digit - 0x37)
            default: return nil
            }
        }
        return value < fanout ? value : nil
    }

    /// The used buckets as a number, big-endian without leading zero bytes.
    ///
    /// The written specification says otherwise; this is what all data have.
    func bitField(_ buckets: [Int]) -> [UInt8] {
        var field = [UInt8](repeating: 0, count: fanout / 8)
        for bucket in buckets { field[field.count - 1 - bucket / 8] |= 1 << UInt8(bucket % 8) }
        return Array(field.drop { $0 == 0 })
    }
}
