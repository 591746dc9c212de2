internal import IPLD
internal import Multiformats

/// The most steps of a walk that is led on by hostile bytes.
let maxSteps = 500

/// A UnixFS message is read back, and a file is read in every part as it is in whole.
///
/// The input is taken for a message, and for a dag-pb block that is the root of a file and every other node of it too.
func checkUnixFS(_ bytes: [UInt8]) throws(BrokenLaw) {
    if let message = try? UnixFSNode(bytes) {
        let again = try must("A message that is written can be read.") { () throws(DecodingProblem) in
            try UnixFSNode(message.encoded())
        }
        try law(again == message, "A message is read back as it was.")
    }
    try check(root: Block(cid: rootCID, bytes: PBNode(data: bytes).encoded()))
    try check(root: Block(cid: rootCID, bytes: bytes))
}

/// Names a block that nobody hashes.
let rootCID = CID.v1(.dagPB, .sha256(of: [UInt8]()))

private func check(root: Block) throws(BrokenLaw) {
    _ = try? UnixFSEntry(root)
    guard let size = try? FileWalk(root: root).fileSize else { return }
    let sizes = leafSizes(root)
    let whole = try read(root, 0..<min(size, 4096), sizes)
    guard let whole, whole.count > 2 else { return }
    let (start, end) = (whole.count / 3, whole.count - 1)
    let part = try read(root, UInt64(start)..<UInt64(end), sizes)
    try law(part == Array(whole[start..<end]), "A part of a file is the same as that part of the whole.")
}

/// How many bytes each leaf has, as the root says.
private func leafSizes(_ root: Block) -> [CID: Int] {
    guard let node = try? PBNode(root.bytes), let message = try? UnixFSNode(node.data ?? []) else { return [:] }
    let sizes = zip(node.links, message.blockSizes).map { ($0.cid, Int(min($1, 4096))) }
    return Dictionary(sizes, uniquingKeysWith: { first, _ in first })
}

/// The bytes of a range, or nil where the file cannot be read to the end.
private func read(_ root: Block, _ range: Range<UInt64>, _ sizes: [CID: Int]) throws(BrokenLaw) -> [UInt8]? {
    guard var walk = try? FileWalk(root: root, range: range) else { return nil }
    var content: [UInt8] = []
    for _ in 0..<maxSteps {
        let next: FileWalk.Step?
        do { next = try walk.next() } catch { return nil }
        guard let next else {
            try law(content.count == walk.range.count, "A file that is read to its end gives every byte of the range.")
            return content
        }
        switch next {
        case .bytes(let bytes): content += bytes
        case .need(let cid):
            _ = walk.upcoming(10_000)
            let isLeaf = cid.codec == .raw
            let leaf = (0..<(sizes[cid] ?? 1)).map { UInt8(truncatingIfNeeded: $0) }
            let answer = Block(cid: cid, bytes: isLeaf ? leaf : root.bytes)
            guard (try? walk.supply(answer)) != nil else { return nil }
        }
        try law(content.count <= range.count, "No more bytes come than the range has.")
    }
    return nil
}
