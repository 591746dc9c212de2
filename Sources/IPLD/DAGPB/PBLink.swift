public import Multiformats

/// One link of a dag-pb node.
public struct PBLink: Sendable, Hashable {
    /// What the link points to.
    public let cid: CID

    /// The name as it is on the wire, or nil where the field is absent, which is not the same as an empty name.
    public let name: [UInt8]?

    /// The size of everything below in bytes, as the writer claimed it, or nil where the field is absent.
    public let tsize: UInt64?

    /// A link from its parts.
    public init(cid: CID, name: [UInt8]?, tsize: UInt64?) {
        self.cid = cid
        self.name = name
        self.tsize = tsize
    }

    /// The length of the encoded link message, without its own key and length.
    var messageLength: Int {
        var length = 1 + protobufLength(UInt64(cid.bytes.count)) + cid.bytes.count
        if let name { length += 1 + protobufLength(UInt64(name.count)) + name.count }
        if let tsize { length += 1 + protobufLength(tsize) }
        return length
    }

    /// The length of the link inside an encoded node.
    var encodedLength: Int { 1 + protobufLength(UInt64(messageLength)) + messageLength }

    /// Appends the link as field 2 of a node.
    func append(to bytes: inout [UInt8]) {
        bytes.append(0x12)
        appendProtobuf(UInt64(messageLength), to: &bytes)
        appendProtobuf(key: 0x0A, cid.bytes, to: &bytes)
        if let name { appendProtobuf(key: 0x12, name, to: &bytes) }
        if let tsize {
            bytes.append(0x18)
            appendProtobuf(tsize, to: &bytes)
        }
    }
}
