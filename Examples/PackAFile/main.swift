// Packs a file into a CAR, checks the CAR, and reads a part of the file out of it, with the library IPLD alone.
//
//   swift run example-pack-a-file FILE CAR
//
// The article “Pack a file, and read it back” in Sources/IPLD/IPLD.docc explains it step by step.

import Foundation
import IPLD
import Multiformats

guard CommandLine.arguments.count == 3 else {
    print("usage: example-pack-a-file FILE CAR")
    throw CancellationError()
}
let source = try FileHandle(forReadingFrom: URL(filePath: CommandLine.arguments[1]))
let target = URL(filePath: CommandLine.arguments[2])

let profile = ImportProfile.unixfsV1_2025
var builder = FileBuilder(profile: profile)
var blocks: [Block] = []
while let content = try source.read(upToCount: 1 << 20), !content.isEmpty {
    builder.append(content: content) { blocks.append($0) }
}
let file = builder.finish { blocks.append($0) }

var directory = DirectoryBuilder(profile: profile)
try directory.add(name: "content", file)
let root = try directory.build { blocks.append($0) }
print("root \(root.cid)")

var archive = CARHeader(roots: [root.cid]).encoded
for block in blocks {
    archive += CARSection.prefix(for: block.cid, length: block.bytes.count)
    archive += block.bytes
}
try Data(archive).write(to: target)

var parser = CARParser()
var found: [CID: Block] = [:]
let reading = try FileHandle(forReadingFrom: target)
while let bytes = try reading.read(upToCount: 1 << 20), !bytes.isEmpty {
    parser.feed([UInt8](bytes))
    while let event = try parser.next() {
        if case .section(let section) = event { found[section.cid] = section.block }
    }
}
try parser.finish()

var limits = CARParser.Limits()
limits.keepsIndex = true
var checked = CARParser(verifiesBlocks: false, limits: limits)
var verifier = CARVerifier()
checked.feed([UInt8](try Data(contentsOf: target)))
verifier.take(from: &checked)
let report = verifier.finish(checked)
for found in report.problems { print("\(found.problem.code): \(found.problem)") }
print("whole: \(report.isWhole), \(report.blocks) blocks")

var path = PathWalk(try ContentPath("\(root.cid)/content"))
while case .need(let cid) = try path.next() {
    guard let block = found[cid] else { throw CancellationError() }
    try path.supply(block)
}
guard case .end(let end) = try path.next(), let first = found[end.cid] else { throw CancellationError() }

var walk = try FileWalk(root: first, range: 5..<10)
while let step = try walk.next() {
    switch step {
    case .bytes(let bytes): print("bytes 5 to 9: \(Array(bytes))")
    case .need(let cid):
        guard let block = found[cid] else { throw CancellationError() }
        try walk.supply(block)
    }
}
