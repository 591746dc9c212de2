// Builds a large directory, changes it by rewriting few blocks, and finds its entries by their paths.
//
//   swift run example-change-a-directory
//
// The article “Change a large directory” in Sources/IPLD/IPLD.docc explains it step by step.

import IPLD
import Multiformats

/// Blocks in memory, where a program may have a store, a database or the network.
struct Blocks {
    private(set) var all: [CID: Block] = [:]

    mutating func keep(_ block: Block) { all[block.cid] = block }

    func get(_ cid: CID) throws(DecodingProblem) -> Block {
        guard let block = all[cid] else { throw DecodingProblem(.missing, "There is no such block.", cid: cid) }
        return block
    }
}

func run() throws {
    let profile = ImportProfile.unixfsV1_2025
    var blocks = Blocks()
    var directory = DirectoryBuilder(profile: profile)
    for number in 1...10_000 {
        let leaf = FileLeaf(Array("content \(number)".utf8), profile: profile)
        blocks.keep(leaf.block)
        try directory.add(name: "name-\(number)", leaf.entry)
    }
    let root = try directory.build { blocks.keep($0) }
    print("root \(root.cid)")

    let there = blocks
    let editor = try DirectoryEditor(root: root.cid, profile: profile) { cid throws(DecodingProblem) in
        try there.get(cid)
    }
    let leaf = FileLeaf(Array("more".utf8), profile: profile)
    try editor.put([Array("more".utf8)], leaf.entry)
    try editor.remove([Array("name-1".utf8)])
    let changed = try editor.finish()
    print("new blocks \(changed.blocks.count)")
    for block in changed.blocks + [leaf.block] { blocks.keep(block) }

    let value = Node.map([.init("photos", .link(changed.root.cid)), .init("year", .integer(2026))])
    let top = Block(codec: .dagCBOR, bytes: try value.cbor())
    blocks.keep(top)
    print(String(decoding: try value.json(), as: UTF8.self))
    print("read back \(try Node(decoding: top) == value.canonical)")

    for name in ["more", "name-1"] {
        var path = PathWalk(try ContentPath("\(top.cid)/photos/\(name)"))
        search: while true {
            switch try path.next() {
            case .need(let cid): try path.supply(try blocks.get(cid))
            case .end(let end):
                print("\(name) \(end.cid)")
                break search
            case .absent:
                print("\(name) is not there")
                break search
            }
        }
    }
}

try run()
