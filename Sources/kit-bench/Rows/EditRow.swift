internal import BlockStore
internal import Foundation
internal import IPLD
internal import Multiformats

/// Putting one file into a directory of very many, in process: with the blocks in memory, and in a store on the disk.
@Sendable func measureEdit(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let profile = ImportProfile.unixfsV1_2025
    let child = Block(codec: .raw, bytes: [1])
    var builder = DirectoryBuilder(profile: profile)
    for number in 0..<bench.amounts.entries {
        try builder.add(name: Array("file number \(number)".utf8), cid: child.cid, tsize: 1)
    }
    var blocks: [CID: Block] = [:]
    let root = try builder.build { blocks[$0.cid] = $0 }
    let stored = blocks
    var times = Series()
    var written = Series()
    for turn in 0..<21 {
        let clock = ContinuousClock()
        let begin = clock.now
        let editor = try DirectoryEditor(root: root.cid, profile: profile) { (cid) throws(DecodingProblem) in
            guard let block = stored[cid] else { throw DecodingProblem(.missing, "It is not there.", cid: cid) }
            return block
        }
        try editor.put([Array("one more \(turn)".utf8)], DAGEntry(cid: child.cid, tsize: 1))
        written.values.append(Double(try editor.finish().blocks.count))
        times.values.append((clock.now - begin) / .milliseconds(1))
    }
    let store = try BlockStore(folder: bench.disk.appending(path: "edit").path)
    try await store.ingest { try await $0.write(Array(stored.values)) }
    var lasting = Series()
    for turn in 0..<21 {
        let clock = ContinuousClock()
        let begin = clock.now
        _ = try await store.edit(root.cid, profile: profile) { editor throws(DecodingProblem) in
            try editor.put([Array("one more \(turn)".utf8)], DAGEntry(cid: child.cid, tsize: 1))
        }
        lasting.values.append((clock.now - begin) / .milliseconds(1))
    }
    return [
        Figure(
            row: row,
            measure: "time, \(bench.amounts.entries) entries",
            unit: .milliseconds,
            ours: times,
            goal: .value(20)
        ),
        Figure(
            row: row,
            measure: "time, until it is on the disk",
            unit: .milliseconds,
            ours: lasting,
            goal: .value(20)
        ),
        Figure(row: row, measure: "blocks written", unit: .count, ours: written, goal: .gate(10)),
    ]
}
