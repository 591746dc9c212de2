internal import Multiformats

/// One block of a file, checked: its own content, and its children with the content below each.
struct FileNode {
    let data: ArraySlice<UInt8>
    let children: [CID]
    let sizes: [UInt64]
    let size: UInt64

    /// Reads a raw block, or a dag-pb node of kind file or raw.
    ///
    /// - Throws: `.malformed` where sizes do not add up or a link is named, `.wrongKind` for a directory or symlink.
    init(_ block: Block) throws(DecodingProblem) {
        self = try about(block.cid) { () throws(DecodingProblem) in
            switch block.cid.codec {
            case .raw: FileNode(data: block.bytes[...], children: [], sizes: [], size: UInt64(block.bytes.count))
            case .dagPB: try FileNode(dagPB: block.bytes)
            default: throw DecodingProblem(.wrongKind, "A \(block.cid.codec) block is no part of a file.")
            }
        }
    }

    private init(data: ArraySlice<UInt8>, children: [CID], sizes: [UInt64], size: UInt64) {
        self.data = data
        self.children = children
        self.sizes = sizes
        self.size = size
    }

    private init(dagPB bytes: [UInt8]) throws(DecodingProblem) {
        var children: [CID] = []
        var hasNames = false
        let message = try PBNode.read(bytes) { (link: PBNode.RawLink) throws(DecodingProblem) in
            if link.name?.isEmpty == false { hasNames = true }
            children.append(link.cid)
        }
        guard let message else { throw DecodingProblem(.wrongKind, "The dag-pb block holds no UnixFS.") }
        let (node, range) = try UnixFSNode.read(bytes, message)
        guard node.kind == .file || node.kind == .raw else {
            throw DecodingProblem(.wrongKind, "The block is a \(node.kind), not a file.")
        }
        guard !hasNames else { throw DecodingProblem(.malformed, "A link inside a file has a name.") }
        guard node.blockSizes.count == children.count else {
            throw DecodingProblem(
                .malformed,
                "A file node has \(children.count) links and \(node.blockSizes.count) sizes for them."
            )
        }
        let data = range.map { bytes[$0] } ?? []
        var total = UInt64(data.count)
        for size in node.blockSizes {
            let (sum, overflow) = total.addingReportingOverflow(size)
            guard !overflow, sum <= UInt64(Int64.max) else {
                throw DecodingProblem(.malformed, "The sizes of a file node are beyond reason.")
            }
            total = sum
        }
        guard node.fileSize == nil || node.fileSize == total else {
            throw DecodingProblem(.malformed, "A file node says another size than its parts have.")
        }
        self.init(data: data, children: children, sizes: node.blockSizes, size: total)
    }
}
