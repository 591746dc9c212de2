internal import IPLD
internal import Multiformats

/// What a directory lists can be found in it.
///
/// The input is taken for a block that is the root of a directory and every shard below it too, and for the names of
/// the entries of a new directory.
func checkHAMT(_ bytes: [UInt8]) throws(BrokenLaw) {
    let root = Block(cid: rootCID, bytes: bytes)
    let same: (CID) -> Block? = { Block(cid: $0, bytes: bytes) }
    _ = try? UnixFSEntry(root)
    _ = find([0x61], in: root, same)
    if let entries = try list(root, same) {
        for entry in entries.prefix(20) {
            try law(find(entry.name, in: root, same) == entry, "An entry that is listed is found by its name.")
        }
    }
    try checkDirectory(bytes, bytes.count.isMultiple(of: 2) ? 8 : 256)
}

/// The entries, or nil where they cannot be listed to the end.
func list(_ root: Block, _ answer: (CID) -> Block?) throws(BrokenLaw) -> [DirectoryEntry]? {
    guard var walk = try? DirectoryWalk(root: root) else { return nil }
    var entries: [DirectoryEntry] = []
    for _ in 0..<maxSteps {
        let next: DirectoryWalk.Step?
        do { next = try walk.next() } catch { return nil }
        guard let next else { return entries }
        switch next {
        case .entry(let entry): entries.append(entry)
        case .need(let cid):
            guard let block = answer(cid), (try? walk.supply(block)) != nil else { return nil }
        }
    }
    return nil
}

private func find(_ name: [UInt8], in root: Block, _ answer: (CID) -> Block?) -> DirectoryEntry? {
    guard var lookup = try? DirectoryLookup(name: name, in: root) else { return nil }
    for _ in 0..<maxSteps {
        switch try? lookup.next() {
        case .found(let entry): return entry
        case .need(let cid):
            guard let block = answer(cid), (try? lookup.supply(block)) != nil else { return nil }
        case .absent, nil: return nil
        }
    }
    return nil
}

/// Builds a sharded directory of names that stand in the input, apart by zero bytes, and reads it.
private func checkDirectory(_ bytes: [UInt8], _ fanout: Int) throws(BrokenLaw) {
    var profile = ImportProfile.unixfsV1_2025
    profile.sharding.maxLinks = 1
    profile.sharding.fanout = fanout
    var builder = DirectoryBuilder(profile: profile)
    var names: Set<[UInt8]> = []
    for name in bytes.split(separator: 0, maxSplits: 20).prefix(20) {
        let name = Array(name.prefix(100))
        guard !names.contains(name) else { continue }
        if (try? builder.add(name: name, cid: rootCID, tsize: 1)) != nil { names.insert(name) }
    }
    guard names.count > 1 else { return }
    var blocks: [CID: Block] = [:]
    guard let root = try? builder.build(emit: { (block) throws(DecodingProblem) in blocks[block.cid] = block }),
        let block = blocks[root.cid]
    else { return }
    let answer: (CID) -> Block? = { blocks[$0] }
    guard let entries = try list(block, answer) else {
        throw BrokenLaw("A directory that was built can be listed.")
    }
    try law(Set(entries.map(\.name)) == names && entries.count == names.count, "What was added is listed, once.")
    for name in names { try law(find(name, in: block, answer)?.name == name, "What was added is found.") }
}
