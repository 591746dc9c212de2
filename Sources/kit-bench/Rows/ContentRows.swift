internal import Foundation

/// The peak that any of these may have, in MiB: 64 above what the program needs for doing nothing, which is about 12.
let contentPeak = 76.0

/// The root of one large file without keeping anything, against the hash of the file.
@Sendable func measureOnlyHash(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let file = try bench.randomFile("large", length: bench.amounts.large)
    let home = try bench.newHome(in: bench.memory)
    defer { bench.remove(file, home) }
    let both = try bench.sideBySide(
        row,
        { try bench.runKit(["add", "--quiet", "--only-hash", file.path], home: home) },
        { try bench.run(hash(of: file)) }
    )
    return figures(row, both, "openssl dgst -sha256", 0.65)
}

/// The export of a large file and its content, with every block checked, through a pipe and into a file in memory,
/// against the hash of the file.
@Sendable func measureReading(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let file = try bench.randomFile("large", length: bench.amounts.large)
    let home = try bench.newHome(in: bench.memory)
    defer { bench.remove(file, home) }
    let root = try add(file, bench, home)
    var found: [Figure] = []
    for command in [["dag", "export", root], ["cat", root]] {
        for isPiped in [true, false] {
            let what = command.dropLast().joined(separator: " ") + (isPiped ? " through a pipe" : " into memory")
            let both = try bench.sideBySide(
                what,
                { try bench.runKit(command, home: home, isPiped: isPiped) },
                { try bench.run(hash(of: file)) }
            )
            found += figures(row, both, "openssl dgst -sha256", 0.9, what)
        }
    }
    return found
}

/// The verification of a large archive, against its hash on one core.
@Sendable func measureVerification(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let (archive, home) = try archive(bench)
    defer { bench.remove(archive, home) }
    let both = try bench.sideBySide(
        row,
        { try bench.runKit(["car", "verify", archive.path], home: home) },
        { try bench.run(hash(of: archive)) }
    )
    return figures(row, both, "openssl dgst -sha256", 1 / 1.7)
}

/// The import of a large archive with the home in memory, against its hash.
@Sendable func measureImportInMemory(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let (archive, home) = try archive(bench)
    defer { bench.remove(archive, home) }
    let both = try bench.sideBySide(
        row,
        { try bench.runKit(["dag", "import", archive.path], home: try bench.newHome(in: bench.memory)) },
        { try bench.run(hash(of: archive)) }
    )
    return figures(row, both, "openssl dgst -sha256", 1.2)
}

/// The import of a large archive with the home on a disk, against writing the same bytes to that disk.
@Sendable func measureImportOnDisk(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let (archive, home) = try archive(bench)
    let (place, copy) = (bench.disk.appending(path: "home"), bench.disk.appending(path: "copy"))
    defer { bench.remove(archive, home, place, copy) }
    let both = try bench.sideBySide(
        row,
        {
            bench.remove(copy)
            let home = try bench.newHome(in: bench.disk)
            _ = try bench.run(["sync", "--file-system", bench.disk.path])
            return try bench.runKit(["dag", "import", archive.path], home: home)
        },
        {
            bench.remove(place, copy)
            _ = try bench.run(["sync", "--file-system", bench.disk.path])
            return try bench.run(["dd", "if=\(archive.path)", "of=\(copy.path)", "bs=1M", "conv=fdatasync"])
        }
    )
    return figures(row, both, "dd conv=fdatasync", 1.15)
}

private func hash(of file: URL) -> [String] { ["openssl", "dgst", "-sha256", file.path] }

private func add(_ file: URL, _ bench: Bench, _ home: URL) throws -> String {
    try bench.runKit(["add", "--quiet", file.path], home: home).output.trimmingCharacters(in: .whitespacesAndNewlines)
}

/// The archive of a large file, and the home that it was exported from.
private func archive(_ bench: Bench) throws -> (archive: URL, home: URL) {
    let file = try bench.randomFile("large", length: bench.amounts.large)
    defer { bench.remove(file) }
    let home = try bench.newHome(in: bench.memory, "source")
    let archive = bench.memory.appending(path: "large.car")
    let root = try add(file, bench, home)
    _ = try bench.runKit(["dag", "export", root, "--output", archive.path], home: home)
    return (archive, home)
}

private func figures(
    _ row: String,
    _ both: (ours: [Outcome], theirs: [Outcome]),
    _ yardstick: String,
    _ ratio: Double,
    _ what: String = ""
) -> [Figure] {
    let prefix = what.isEmpty ? "" : what + ": "
    return [
        Figure.time(
            row,
            prefix + "time",
            .seconds,
            both.ours,
            against: yardstick,
            both.theirs,
            goal: .ratio(ratio)
        ),
        .single(row, prefix + "peak memory", .mebibytes, both.ours.peak, goal: .gate(contentPeak)),
    ]
}
