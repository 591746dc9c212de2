internal import Foundation

/// The add of one large file with the home in memory, against the hash of the file.
@Sendable func measureAddInMemory(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let file = try bench.randomFile("large", length: bench.amounts.large)
    let home = bench.memory.appending(path: "home")
    defer { bench.remove(file, home) }
    let hash = ["openssl", "dgst", "-sha256", file.path]
    let both = try bench.sideBySide(
        row,
        { try addAnew(bench, [file.path], in: bench.memory) },
        { try bench.run(hash) }
    )
    return addFigures(row, both, yardstick: "openssl dgst -sha256", goal: .ratio(1.1))
}

/// The add of one large file with the home on a disk, against writing the same bytes to that disk.
@Sendable func measureAddOnDisk(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let file = try bench.randomFile("large", length: bench.amounts.large)
    let (home, copy) = (bench.disk.appending(path: "home"), bench.disk.appending(path: "copy"))
    defer { bench.remove(file, home, copy) }
    let write = ["dd", "if=\(file.path)", "of=\(copy.path)", "bs=1M", "conv=fdatasync"]
    let both = try bench.sideBySide(
        row,
        {
            bench.remove(copy)
            return try addAnew(bench, [file.path], in: bench.disk)
        },
        {
            bench.remove(home, copy)
            _ = try bench.run(["sync", "--file-system", bench.disk.path])
            return try bench.run(write)
        }
    )
    return addFigures(row, both, yardstick: "dd conv=fdatasync", goal: .ratio(1.15))
}

/// The add of many small files in memory, against a copy of them.
@Sendable func measureAddOfSmallFiles(_ bench: Bench, _ row: String) async throws -> [Figure] {
    _ = try bench.randomFiles(
        "tree",
        count: bench.amounts.smallFiles,
        length: 4096,
        perFolder: bench.amounts.smallFiles
    )
    let (tree, copy) = (bench.memory.appending(path: "tree"), bench.memory.appending(path: "copy"))
    let home = bench.memory.appending(path: "home")
    defer { bench.remove(tree, copy, home) }
    let both = try bench.sideBySide(
        row,
        { try addAnew(bench, [tree.path], in: bench.memory) },
        {
            bench.remove(copy)
            return try bench.run(["cp", "-r", tree.path, copy.path])
        }
    )
    return addFigures(row, both, yardstick: "cp -r", goal: .value(0.5))
}

/// Adds to a home that is new and on its disk before the time starts.
private func addAnew(_ bench: Bench, _ paths: [String], in folder: URL) throws -> Outcome {
    let home = try bench.newHome(in: folder)
    _ = try bench.run(["sync", "--file-system", folder.path])
    return try bench.runKit(["add", "--quiet"] + paths, home: home)
}

private func addFigures(
    _ row: String,
    _ both: (ours: [Outcome], theirs: [Outcome]),
    yardstick: String,
    goal: Figure.Goal
) -> [Figure] {
    [
        Figure.time(
            row,
            "time",
            .seconds,
            both.ours,
            against: yardstick,
            both.theirs,
            goal: goal
        ),
        .single(row, "peak memory", .mebibytes, both.ours.peak, goal: .gate(contentPeak)),
    ]
}
