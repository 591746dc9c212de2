internal import BlockStore
internal import Foundation
internal import IPLD
internal import Multiformats

/// Finding blocks among very many, in process, and making the index of all of them again, as a whole process.
@Sendable func measureBlockIndex(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let home = try bench.newHome(in: bench.memory, "blocks")
    defer { bench.remove(home) }
    let folder = home.appending(path: "store").path
    let count = bench.amounts.blocks
    bench.say("\(row): storing \(count) blocks")
    let clock = ContinuousClock()
    let begin = clock.now
    try await storeBlocks(count, in: folder)
    let stored = Double(count) / ((clock.now - begin) / .seconds(1))
    let before = residentBytes()
    // The index as many commits left it, and as it is after it was made again, which is one sorted file.
    let grown = try BlockStore(folder: folder)
    let (hits, misses) = try await lookUp(in: grown, count)
    let resident = residentBytes() - before
    let rebuilt = try bench.runKit(["store", "rebuild-index"], home: home)
    let fresh = try BlockStore(folder: folder)
    guard try await fresh.totals().blocks == UInt64(count) else {
        throw BenchProblem(.failed, "The index that was made again does not have \(count) blocks.")
    }
    let (again, _) = try await lookUp(in: fresh, count)
    func rate(_ name: String, _ series: Series, least: Double) -> Figure {
        // As a time, for which less is better: the goal of so many a second is one of seconds for a million.
        Figure(
            row: row,
            measure: "1,000,000 lookups, \(name), \(count) blocks",
            unit: .seconds,
            ours: series,
            goal: .value(1_000_000 / least)
        )
    }
    return [
        rate("all there", hits, least: 150_000),
        rate("none there", misses, least: 150_000),
        rate("all there, after rebuild", again, least: 150_000),
        .single(row, "memory of the open index", .mebibytes, resident / 1_048_576, goal: .value(200)),
        .single(
            row,
            "rebuild, \(count) blocks",
            .seconds,
            rebuilt.seconds,
            goal: .value(Double(count) / 500_000)
        ),
        .single(row, "rebuild, peak memory", .mebibytes, [rebuilt].peak, goal: .gate(200)),
        .single(row, "blocks stored a second", .count, stored),
    ]
}

private func sampleBlock(_ number: Int) -> Block {
    Block(codec: .raw, bytes: Array("block \(number)".utf8))
}

private func storeBlocks(_ count: Int, in folder: String) async throws {
    let store = try BlockStore(folder: folder)
    _ = try await store.ingest { ingest in
        for start in stride(from: 0, to: count, by: 4096) {
            try await ingest.write((start..<min(start + 4096, count)).map(sampleBlock))
        }
    }
}

/// The seconds that a million lookups take: of blocks from all over the store, and of blocks that are not there.
private func lookUp(in store: BlockStore, _ count: Int) async throws -> (hits: Series, misses: Series) {
    var series = (hits: Series(), misses: Series())
    let batch = 1000
    for isHit in [true, false] {
        for turn in 0..<3 {
            var seconds = 0.0
            for start in 0..<100 {
                let cids = (0..<batch).map { number in
                    // Steps of a large prime go all over the store without going twice to one place.
                    let index = ((turn * 100 + start) * batch + number) * 7_368_787 % count
                    return sampleBlock(isHit ? index : count + index).cid
                }
                let clock = ContinuousClock()
                let begin = clock.now
                let found = try await store.locate(cids)
                seconds += (clock.now - begin) / .seconds(1)
                guard found.allSatisfy({ ($0 != nil) == isHit }) else {
                    throw BenchProblem(.failed, "The index does not know what is in the store.")
                }
            }
            if isHit { series.hits.values.append(seconds * 10) } else { series.misses.values.append(seconds * 10) }
        }
    }
    return series
}

/// What this process has in memory now, in bytes.
private func residentBytes() -> Double {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .ascii)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? .nan
    return pages * 4096
}
