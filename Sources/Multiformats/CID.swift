/// A content identifier: what the bytes are and what they hash to.
///
/// Two CIDs are equal when their binary forms are; a version 0 CID and its version 1 form are two values.
public struct CID: Hashable, Sendable, Comparable {
    /// The version of a CID.
    public enum Version: UInt8, Sendable, Hashable, CaseIterable {
        case v0 = 0
        case v1 = 1
    }

    /// The binary form.
    public let bytes: [UInt8]

    /// What the content is.
    public let codec: Codec

    private let hashStart: Int

    /// The version.
    public var version: Version { hashStart == 0 ? .v0 : .v1 }

    /// The hash of the content.
    public var hash: Multihash {
        // The bytes were checked when the CID was made, so reading them again cannot fail.
        var reader = ByteReader(bytes, range: hashStart..<bytes.count)
        let hash = try? Multihash.decode(from: &reader)
        return hash ?? Multihash(bytes: [0, 0], code: .identity, digestStart: 2)
    }

    /// The content itself where the CID holds it (identity hash), or nil.
    ///
    /// Content above ``Multihash/longestDigest`` bytes is none: CIDs that hold CIDs that hold CIDs would cost the
    /// square of their length in time and memory. Such a CID is one of a block that is not allowed.
    public var inlineContent: [UInt8]? {
        guard bytes[hashStart] == 0 else { return nil }
        let digest = hash.digest
        return digest.count <= Multihash.longestDigest ? Array(digest) : nil
    }

    /// A CID from its parts; throws `.badVersion` where version 0 cannot express them.
    public init(version: Version, codec: Codec, hash: Multihash) throws(FormatProblem) {
        switch version {
        case .v1:
            guard codec.rawValue <= Varint.maximum else {
                throw FormatProblem(.overflow, "The codec \(codec) is above the largest varint.")
            }
            self = CID.v1(codec, hash)
        case .v0:
            guard codec == .dagPB, Self.fitsVersion0(hash) else {
                throw FormatProblem(.badVersion, "A version 0 CID is dag-pb under a 32-byte sha2-256, nothing else.")
            }
            self.init(bytes: hash.bytes, codec: .dagPB, hashStart: 0)
        }
    }

    /// A version 1 CID.
    public static func v1(_ codec: Codec, _ hash: Multihash) -> CID {
        var bytes: [UInt8] = [1]
        bytes.reserveCapacity(4 + hash.bytes.count)
        Varint.append(codec.rawValue, to: &bytes)
        let start = bytes.count
        bytes.append(contentsOf: hash.bytes)
        return CID(bytes: bytes, codec: codec, hashStart: start)
    }

    /// Reads a CID that fills `bytes` wholly.
    public init(bytes: [UInt8]) throws(FormatProblem) {
        var reader = ByteReader(bytes)
        self = try Self.decode(from: &reader)
        guard reader.remaining == 0 else {
            throw FormatProblem(.trailingBytes, "\(reader.remaining) bytes follow the CID.")
        }
    }

    /// Takes a CID from `reader`, whatever follows it.
    public static func decode(from reader: inout ByteReader) throws(FormatProblem) -> CID {
        if reader.peek() == 0x12, reader.peek(1) == 0x20 {
            return CID(bytes: Array(try reader.read(count: 34)), codec: .dagPB, hashStart: 0)
        }
        let start = reader.offset
        let version = try reader.readVarint()
        guard version == 1 else {
            throw FormatProblem(.badVersion, "A CID says it has version \(version); only 0 and 1 exist.")
        }
        let codec = Codec(rawValue: try reader.readVarint())
        let hashStart = reader.offset - start
        _ = try reader.readVarint()
        let length = try reader.readVarint()
        _ = try reader.read(count: length)
        return CID(bytes: Array(reader.bytes[start..<reader.offset]), codec: codec, hashStart: hashStart)
    }

    /// The same content as version 0, or nil where version 0 cannot express it.
    public var v0: CID? {
        if version == .v0 { return self }
        guard codec == .dagPB, Self.fitsVersion0(hash) else { return nil }
        return CID(bytes: Array(bytes[hashStart...]), codec: .dagPB, hashStart: 0)
    }

    /// The same content as version 1.
    public var v1: CID { version == .v1 ? self : CID.v1(codec, hash) }

    /// The order of the binary forms.
    public static func < (left: CID, right: CID) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }

    /// Whether the binary forms are equal.
    public static func == (left: CID, right: CID) -> Bool { left.bytes == right.bytes }

    /// Hashes the binary form.
    public func hash(into hasher: inout Hasher) { hasher.combine(words: bytes) }

    private init(bytes: [UInt8], codec: Codec, hashStart: Int) {
        self.bytes = bytes
        self.codec = codec
        self.hashStart = hashStart
    }

    private static func fitsVersion0(_ hash: Multihash) -> Bool {
        hash.code == .sha256 && hash.digest.count == 32
    }
}
