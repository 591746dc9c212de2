// Keeps the blocks of a file in a store on the disk, reads them back, and collects what is not needed any more.
//
//   swift run example-keep-blocks FILE FOLDER
//
// The article “Keep blocks on a disk” in Sources/BlockStore/BlockStore.docc explains it step by step.

import BlockStore
import Foundation
import IPLD
import Multiformats

guard CommandLine.arguments.count == 3 else {
    print("usage: example-keep-blocks FILE FOLDER")
    throw CancellationError()
}
let source = try FileHandle(forReadingFrom: URL(filePath: CommandLine.arguments[1]))

let store = try BlockStore(folder: CommandLine.arguments[2])

let profile = ImportProfile.unixfsV1_2025
let file = try await store.ingest { ingest in
    var builder = FileBuilder(profile: profile)
    while let content = try source.read(upToCount: 1 << 20), !content.isEmpty {
        var blocks: [Block] = []
        builder.append(content: content) { blocks.append($0) }
        try await ingest.write(blocks)
    }
    var blocks: [Block] = []
    let entry = builder.finish { blocks.append($0) }
    try await ingest.write(blocks)
    return entry
}
print("root \(file.cid)")

var walk = try FileWalk(root: try await store.get(file.cid))
var length = 0
while let step = try walk.next() {
    switch step {
    case .bytes(let bytes): length += bytes.count
    case .need(let cid): try walk.supply(try await store.get(cid))
    }
}
print("content \(length) bytes")

let path = URL(filePath: CommandLine.arguments[2] + ".car")
try Data().write(to: path)
let output = try FileHandle(forWritingTo: path)
var archive = CARWriter(CARHeader(roots: [file.cid]))
try output.write(contentsOf: archive.beginning)
var order = DAGWalk(root: file.cid)
while let cid = order.next() {
    let block = try await store.get(cid)
    order.visit(try links(of: block))
    guard let prefix = archive.section(cid, length: block.bytes.count) else { continue }
    try output.write(contentsOf: prefix + block.bytes)
}
try output.write(contentsOf: archive.ending)

let folder = try await store.edit(nil, profile: profile) { editor throws(DecodingProblem) in
    try editor.makeDirectory([Array("photos".utf8)])
    try editor.put([Array("photos".utf8), Array("first".utf8)], file)
}
print("folder \(folder.cid)")

let report = try await store.verify { _ in }
print("problems \(report.problems.count)")

let kept = try await store.collect(waste: 0) { [folder.cid] }
print("live \(kept.liveBlocks), dead \(kept.deadBlocks)")
let rest = try await store.collect(waste: 0) { [] }
print("live \(rest.liveBlocks), dead \(rest.deadBlocks)")
