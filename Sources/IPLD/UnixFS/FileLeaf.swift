internal import Multiformats

/// One chunk of a file as a block.
public struct FileLeaf: Sendable, Hashable {
    /// The block.
    public let block: Block

    /// The bytes of content in it.
    public let fileSize: UInt64

    /// The length of the block.
    public var tsize: UInt64 { UInt64(block.bytes.count) }

    /// The leaf as an entry of a directory: the whole of a file that is one chunk long.
    public var entry: DAGEntry { DAGEntry(cid: block.cid, tsize: tsize, fileSize: fileSize) }

    /// Makes and hashes the block of a chunk; pure, so chunks can be hashed on several threads.
    public init(_ chunk: [UInt8], profile: ImportProfile) {
        if profile.rawLeaves {
            block = Block(codec: .raw, format: profile.cids, bytes: chunk)
        } else {
            // Trickle trees have leaves of the kind "raw" inside dag-pb, and only they.
            let kind: UnixFSNode.Kind = profile.layout == .trickle ? .raw : .file
            block = Block(codec: .dagPB, format: profile.cids, bytes: Self.node(chunk, kind))
        }
        fileSize = UInt64(chunk.count)
    }

    /// The same leaf as a file of its own, with metadata; nil for a raw leaf, which has no room for them.
    func carrying(_ metadata: FileMetadata, _ profile: ImportProfile) -> BuiltNode? {
        guard block.cid.codec == .dagPB, let node = try? PBNode(block.bytes), let data = node.data,
            let message = try? UnixFSNode(data)
        else { return nil }
        return BuiltNode(PBNode(data: message.with(metadata).encoded()), profile)
    }

    /// A dag-pb node around a UnixFS message, written in one go so that the chunk is copied once.
    private static func node(_ chunk: [UInt8], _ kind: UnixFSNode.Kind) -> [UInt8] {
        let size = UInt64(chunk.count)
        let sizeLength = protobufLength(size)
        let message = 2 + (chunk.isEmpty ? 0 : 1 + sizeLength + chunk.count) + 1 + sizeLength
        var bytes: [UInt8] = [0x0A]
        bytes.reserveCapacity(message + 12)
        appendProtobuf(UInt64(message), to: &bytes)
        bytes.append(contentsOf: [0x08, UInt8(kind.rawValue)])
        if !chunk.isEmpty { appendProtobuf(key: 0x12, chunk, to: &bytes) }
        bytes.append(0x18)
        appendProtobuf(size, to: &bytes)
        return bytes
    }
}
