internal import Digests

/// A hash that says which function made it: code, length, digest.
///
/// Any code is a value; ``HashCode`` names those that can be computed and verified here.
public struct Multihash: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest digest, and the longest identity content, that is accepted from outside.
    public static let longestDigest = 128

    /// The shortest digest of a hash function that is accepted from outside.
    public static let shortestDigest = 20

    /// The whole multihash in its binary form.
    public let bytes: [UInt8]

    /// The function.
    public let code: HashCode

    private let digestStart: Int

    /// The digest alone.
    public var digest: ArraySlice<UInt8> { bytes[digestStart...] }

    /// A multihash of a digest that was computed elsewhere; throws `.overflow` for a code above 2⁶³ − 1.
    public init(code: HashCode, digest: [UInt8]) throws(FormatProblem) {
        guard code.rawValue <= Varint.maximum else {
            throw FormatProblem(.overflow, "The hash function code \(code) is above the largest varint.")
        }
        var bytes = Varint.encode(code.rawValue)
        Varint.append(UInt64(digest.count), to: &bytes)
        self.init(bytes: bytes + digest, code: code, digestStart: bytes.count)
    }

    /// Reads a multihash that fills `bytes` wholly.
    public init(bytes: [UInt8]) throws(FormatProblem) {
        var reader = ByteReader(bytes)
        self = try Self.decode(from: &reader)
        guard reader.remaining == 0 else {
            throw FormatProblem(.trailingBytes, "\(reader.remaining) bytes follow the multihash.")
        }
    }

    /// Takes a multihash from `reader`.
    public static func decode(from reader: inout ByteReader) throws(FormatProblem) -> Multihash {
        let start = reader.offset
        let code = HashCode(rawValue: try reader.readVarint())
        let length = try reader.readVarint()
        let digestStart = reader.offset - start
        guard length <= UInt64(reader.remaining) else {
            throw FormatProblem(.truncated, "A multihash declares \(length) bytes and has \(reader.remaining).")
        }
        _ = try reader.read(count: length)
        return Multihash(bytes: Array(reader.bytes[start..<reader.offset]), code: code, digestStart: digestStart)
    }

    /// The multihash of `data` under `code`, with the usual length of its digest or one that was cut to `length` bytes.
    ///
    /// - Throws: `.unsupported` for a function that cannot be computed here, or a length that it does not have;
    ///   `.tooLong` for identity above ``longestDigest`` bytes.
    public init(_ code: HashCode, of data: Span<UInt8>, length: Int? = nil) throws(FormatProblem) {
        if code == .sha256, length == nil {
            self = .sha256(of: data)
            return
        }
        guard code != .identity || data.count <= Self.longestDigest else {
            throw FormatProblem(
                .tooLong,
                "\(data.count) bytes are too many for an identity hash; the limit is \(Self.longestDigest)."
            )
        }
        let usual = code == .identity ? data.count : code.digestLength ?? 0
        let wanted = length ?? usual
        guard wanted >= 0, wanted <= usual || code.hasAnyLength && wanted <= Self.longestDigest,
            code != .identity || wanted == usual
        else {
            throw FormatProblem(.unsupported, "The hash function \(code) gives no digest of \(wanted) bytes.")
        }
        guard let digest = code.digest(of: data, length: max(usual, wanted)) else {
            throw FormatProblem(.unsupported, "The hash function \(code) cannot be computed by this program.")
        }
        try self.init(code: code, digest: Array(digest.prefix(wanted)))
    }

    /// The sha2-256 multihash of `data`.
    public static func sha256(of data: Span<UInt8>) -> Multihash {
        let bytes = [0x12, 0x20] + Digests.digest(.sha256, of: data)
        return Multihash(bytes: bytes, code: .sha256, digestStart: 2)
    }

    /// The sha2-256 multihash of `data`.
    public static func sha256(of data: [UInt8]) -> Multihash {
        sha256(of: data.span)
    }

    /// The identity multihash of `data`; throws `.tooLong` above ``longestDigest`` bytes.
    public static func identity(of data: [UInt8]) throws(FormatProblem) -> Multihash {
        try Multihash(.identity, of: data.span)
    }

    /// Whether `data` has this hash; throws `.unsupported` for a function that cannot be computed here.
    public func verify(_ data: Span<UInt8>) throws(FormatProblem) -> Bool {
        let digest = digest
        guard code == .identity || code.digestLength != nil else {
            throw FormatProblem(.unsupported, "The hash function \(code) cannot be computed by this program.")
        }
        let usual = code == .identity ? data.count : code.digestLength ?? 0
        guard digest.count <= usual || code.hasAnyLength, code != .identity || digest.count == usual else {
            return false
        }
        guard code == .identity || !digest.isEmpty else { return false }
        guard let computed = code.digest(of: data, length: max(usual, digest.count)) else { return false }
        return digest.elementsEqual(computed.prefix(digest.count))
    }

    /// Throws `.notAllowed` where content from outside may not be addressed by this hash: an unknown or weak function,
    /// a digest under 20 or over 128 bytes (identity: only the upper limit).
    public func checkAllowed() throws(FormatProblem) {
        guard code.isAllowed else {
            throw FormatProblem(.notAllowed, "The hash function \(code) is not allowed for content.")
        }
        guard digest.count <= Self.longestDigest, code == .identity || digest.count >= Self.shortestDigest else {
            throw FormatProblem(.notAllowed, "A \(code) digest of \(digest.count) bytes is not allowed for content.")
        }
    }

    /// The multihash in lower-case hexadecimal.
    public var description: String { hex(bytes) }

    /// The order of the binary forms.
    public static func < (left: Multihash, right: Multihash) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }

    /// Whether the binary forms are equal.
    public static func == (left: Multihash, right: Multihash) -> Bool { left.bytes == right.bytes }

    /// Hashes the binary form.
    public func hash(into hasher: inout Hasher) { hasher.combine(words: bytes) }

    /// Takes the parts as they are, from code that has just made or checked them.
    init(bytes: [UInt8], code: HashCode, digestStart: Int) {
        self.bytes = bytes
        self.code = code
        self.digestStart = digestStart
    }
}
