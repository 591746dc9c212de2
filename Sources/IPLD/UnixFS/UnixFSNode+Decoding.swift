extension UnixFSNode {
    /// Decodes a message; fields that the format does not know are passed over.
    ///
    /// - Throws: `.malformed` without a known type or with a nonsensical time; `.truncated`.
    public init(_ bytes: [UInt8]) throws(DecodingProblem) {
        let (node, data) = try Self.read(bytes, 0..<bytes.count)
        self = node
        self.data = data.map { Array(bytes[$0]) }
    }

    /// Decodes the message at `range` and says where its data is, without copying that.
    static func read(
        _ bytes: [UInt8],
        _ range: Range<Int>
    ) throws(DecodingProblem) -> (node: UnixFSNode, data: Range<Int>?) {
        var reader = WireReader(bytes, range)
        var node = UnixFSNode(.raw)
        var kind: Kind?
        var data: Range<Int>?
        while !reader.isAtEnd {
            let key = try reader.protobufKey()
            switch (key.field, key.wire) {
            case (1, 0): kind = try Self.kind(try reader.protobufVarint())
            case (2, 2): data = try reader.protobufBytes()
            case (3, 0): node.fileSize = try reader.protobufVarint()
            case (4, 0): node.blockSizes.append(try reader.protobufVarint())
            case (4, 2): try node.readPackedSizes(WireReader(bytes, try reader.protobufBytes()))
            case (5, 0): node.hashType = try reader.protobufVarint()
            case (6, 0): node.fanout = try reader.protobufVarint()
            case (7, 0): node.mode = UInt32(truncatingIfNeeded: try reader.protobufVarint())
            case (8, 2): node.modified = try Self.time(WireReader(bytes, try reader.protobufBytes()))
            case (1...8, _):
                throw DecodingProblem(.malformed, "The UnixFS field \(key.field) has wire type \(key.wire).")
            default: try reader.skip(wire: key.wire)
            }
        }
        guard let kind else { throw DecodingProblem(.malformed, "A UnixFS message has no type.") }
        node.kind = kind
        return (node, data)
    }

    private static func kind(_ value: UInt64) throws(DecodingProblem) -> Kind {
        guard let kind = Kind(rawValue: value) else {
            throw DecodingProblem(.malformed, "The UnixFS type \(value) does not exist.")
        }
        return kind
    }

    private mutating func readPackedSizes(_ message: WireReader) throws(DecodingProblem) {
        var reader = message
        let count = message.bytes[message.offset..<message.end].count { $0 < 0x80 }
        // Room is made for many at once, and for few as arrays do it: else many short fields would copy all each time.
        if count > blockSizes.count { blockSizes.reserveCapacity(blockSizes.count + count) }
        while !reader.isAtEnd { blockSizes.append(try reader.protobufVarint()) }
    }

    private static func time(_ message: WireReader) throws(DecodingProblem) -> Time {
        var reader = message
        var seconds: Int64?
        var nanoseconds: UInt32 = 0
        while !reader.isAtEnd {
            let key = try reader.protobufKey()
            switch (key.field, key.wire) {
            case (1, 0): seconds = Int64(bitPattern: try reader.protobufVarint())
            case (2, 5):
                nanoseconds = UInt32(truncatingIfNeeded: try reader.bigEndian(4)).byteSwapped
                guard (1...999_999_999).contains(nanoseconds) else {
                    throw DecodingProblem(.malformed, "A UnixFS time has \(nanoseconds) nanoseconds.")
                }
            default: try reader.skip(wire: key.wire)
            }
        }
        guard let seconds else { throw DecodingProblem(.malformed, "A UnixFS time has no seconds.") }
        return Time(seconds: seconds, nanoseconds: nanoseconds)
    }
}
