internal import Catalog
internal import Foundation
internal import Multiformats

/// Finding one mapping among very many, against finding it in an empty kit; whole processes.
@Sendable func measureFind(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let count = bench.amounts.mappings
    let full = try await homeWithMappings(bench, "full", count)
    let empty = try await homeWithMappings(bench, "empty", 1)
    defer { bench.remove(full, empty) }
    let wanted = ["backend", "pin", "find", sampleCID(count / 2).description]
    let only = ["backend", "pin", "find", sampleCID(0).description]
    _ = try bench.runKit(wanted, home: full)
    let both = try bench.sideBySide(
        row,
        runs: 21,
        { try bench.runKit(wanted, home: full) },
        { try bench.runKit(only, home: empty) }
    )
    return [
        Figure.time(
            row,
            "time, \(count) mappings",
            .milliseconds,
            both.ours,
            against: "the same with one mapping",
            both.theirs,
            goal: .value(50)
        )
    ]
}

/// Writing the index files, both of them, and writing down one mapping more when they are there, against the same in an
/// empty kit.
@Sendable func measureIndexFiles(_ bench: Bench, _ row: String) async throws -> [Figure] {
    var figures: [Figure] = []
    for count in bench.amounts.indexed + [bench.amounts.mappings] {
        let full = try await homeWithMappings(bench, "full", count)
        let empty = try await homeWithMappings(bench, "empty", 0)
        defer { bench.remove(full, empty) }
        let rebuild = ["backend", "index", "rebuild", "disk"]
        let files = try bench.sideBySide(
            row,
            { try bench.runKit(rebuild, home: full) },
            { try bench.runKit(rebuild, home: empty) }
        )
        var next = count
        let both = try bench.sideBySide(
            row,
            {
                next += 1
                return try addMapping(bench, full, next)
            },
            { try addMapping(bench, empty, next) }
        )
        let isLarge = count == bench.amounts.mappings
        figures += [
            Figure.time(
                row,
                "both files, \(count) mappings",
                .milliseconds,
                files.ours,
                against: "the same with none",
                files.theirs,
                goal: isLarge ? .value(4000) : nil
            ),
            .single(row, "peak memory, \(count) mappings", .mebibytes, files.ours.peak),
            Figure.time(
                row,
                "one more, \(count) mappings",
                .milliseconds,
                both.ours,
                against: "the same with none",
                both.theirs,
                goal: isLarge ? .value(50) : nil
            ),
        ]
    }
    return figures
}

private func addMapping(_ bench: Bench, _ home: URL, _ number: Int) throws -> Outcome {
    let cid = sampleCID(number)
    return try bench.runKit(["backend", "pin", "add", "disk", "\(cid)", "\(cid).car"], home: home)
}

/// A home with a backend `disk` and so many claims about it, put in by way of the catalog itself.
private func homeWithMappings(_ bench: Bench, _ name: String, _ count: Int) async throws -> URL {
    let home = try bench.newHome(in: bench.memory, name)
    let target = home.appending(path: "target").path
    _ = try bench.runKit(["backend", "create", "disk", "filesystem", "--path", target], home: home)
    let catalog = try Catalog(path: home.appending(path: "catalog.sqlite").path)
    for start in stride(from: 0, to: count, by: 20_000) {
        let time = catalog.time
        _ = try await catalog.takeOver(
            (start..<min(start + 20_000, count)).map { number in
                let cid = sampleCID(number)
                return Mapping(
                    cid: cid,
                    backend: "disk",
                    path: "\(cid).car",
                    status: .pending,
                    name: "pin \(number)",
                    size: 65_536,
                    createdAt: time
                )
            }
        )
    }
    return home
}

private func sampleCID(_ number: Int) -> CID {
    CID.v1(.raw, .sha256(of: Array("mapping \(number)".utf8)))
}
