internal import Multiformats

/// One chunk of a file as a block.
public struct FileLeaf: Sendable, Hashable {
    /// The block.
    public let block: Block

    /// The bytes of content in it.
    public let fileSize: UInt64

    /// The length of the block.
    public let tsize: UInt64

    /// Makes and hashes the block of a chunk; pure, so chunks can be hashed on several threads.
    public init(_ chunk: [UInt8], profile: ImportProfile) {
        if profile.rawLeaves {
            block = Block(codec: .raw, format: profile.cids, bytes: chunk)
        } else {
            block = Block(codec: .dagPB, format: profile.cids, bytes: Self.node(chunk))
        }
        fileSize = UInt64(chunk.count)
        tsize = UInt64(block.bytes.count)
    }

    /// A dag-pb node around a UnixFS file message, written in one go so that the chunk is copied once.
    private static func node(_ chunk: [UInt8]) -> [UInt8] {
        let size = UInt64(chunk.count)
        let sizeLength = protobufLength(size)
        let message = 2 + (chunk.isEmpty ? 0 : 1 + sizeLength + chunk.count) + 1 + sizeLength
        var bytes: [UInt8] = [0x0A]
        bytes.reserveCapacity(message + 12)
        appendProtobuf(UInt64(message), to: &bytes)
        bytes.append(contentsOf: [0x08, UInt8(UnixFSNode.Kind.file.rawValue)])
        if !chunk.isEmpty { appendProtobuf(key: 0x12, chunk, to: &bytes) }
        bytes.append(0x18)
        appendProtobuf(size, to: &bytes)
        return bytes
    }
}
