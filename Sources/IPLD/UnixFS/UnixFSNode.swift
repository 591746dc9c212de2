/// The UnixFS message inside the data of a dag-pb node (the UnixFS specification, "Data format").
public struct UnixFSNode: Sendable, Hashable {
    /// What the node is.
    public enum Kind: UInt64, Sendable, Hashable, CaseIterable {
        case raw = 0
        case directory = 1
        case file = 2
        case metadata = 3
        case symlink = 4
        case shard = 5
    }

    /// A time of last change.
    public struct Time: Sendable, Hashable {
        /// Seconds since 1970, in UTC.
        public let seconds: Int64

        /// Nanoseconds after that second, 0 … 999,999,999.
        public let nanoseconds: UInt32

        /// A time from its parts.
        public init(seconds: Int64, nanoseconds: UInt32 = 0) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }
    }

    /// What the node is.
    public var kind: Kind

    /// Content, symlink target or shard bit field; nil where absent.
    public var data: [UInt8]?

    /// The bytes of content in and below this node; nil where absent.
    public var fileSize: UInt64?

    /// The bytes of content below each link.
    public var blockSizes: [UInt64] = []

    /// The hash function of a shard; nil where absent.
    public var hashType: UInt64?

    /// The width of a shard; nil where absent.
    public var fanout: UInt64?

    /// The Unix permissions; nil where absent.
    public var mode: UInt32?

    /// The time of last change; nil where absent.
    public var modified: Time?

    /// A message with these fields and no others.
    public init(_ kind: Kind, data: [UInt8]? = nil, fileSize: UInt64? = nil, blockSizes: [UInt64] = []) {
        self.kind = kind
        self.data = data
        self.fileSize = fileSize
        self.blockSizes = blockSizes
    }

    /// The bytes, fields in ascending order as every writer has them.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = [0x08, UInt8(kind.rawValue)]
        bytes.reserveCapacity(32 + (data?.count ?? 0) + blockSizes.count * 5)
        if let data { appendProtobuf(key: 0x12, data, to: &bytes) }
        Self.append(key: 0x18, fileSize, to: &bytes)
        for size in blockSizes { Self.append(key: 0x20, size, to: &bytes) }
        Self.append(key: 0x28, hashType, to: &bytes)
        Self.append(key: 0x30, fanout, to: &bytes)
        Self.append(key: 0x38, mode.map { UInt64($0) }, to: &bytes)
        if let modified {
            var time: [UInt8] = []
            Self.append(key: 0x08, UInt64(bitPattern: modified.seconds), to: &time)
            if modified.nanoseconds != 0 {
                time.append(0x15)
                for shift in stride(from: UInt32(0), to: 32, by: 8) {
                    time.append(UInt8(truncatingIfNeeded: modified.nanoseconds >> shift))
                }
            }
            appendProtobuf(key: 0x42, time, to: &bytes)
        }
        return bytes
    }

    private static func append(key: UInt8, _ value: UInt64?, to bytes: inout [UInt8]) {
        guard let value else { return }
        bytes.append(key)
        appendProtobuf(value, to: &bytes)
    }
}
