internal import Foundation

/// What a sync may ask for beside its uploads, however many pins there are: the snapshot, the notes and the listing.
private let uploadsBesidePins = 16.0

/// The peak that any upload may have, in MiB: 64 above what a sync of one small pin takes, which is about 28.
private let uploadPeak = 92.0

/// The first sync of many small pins, against `rclone copy` of the same CARs.
@Sendable func measureSyncOfSmallPins(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let home = try homeWithSmallPins(bench)
    defer { bench.remove(home) }
    return try syncFigures(bench, row, home, pins: bench.amounts.pins)
}

/// The first sync of one large pin, against `rclone copy` of the same CAR.
@Sendable func measureSyncOfLargePin(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let home = try homeWithLargePin(bench)
    defer { bench.remove(home) }
    return try syncFigures(bench, row, home, pins: nil)
}

/// The second sync of many small pins: it asks nothing.
@Sendable func measureCleanSync(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let home = try homeWithSmallPins(bench)
    defer { bench.remove(home) }
    return try ObjectServer.with(bench) { server in
        try CountingProxy.with(bench, before: server) { proxy in
            try server.configure(home, endpoint: proxy.endpoint)
            _ = try bench.runKit(["sync"], home: home)
            let before = try proxy.counts().all
            let times = try (0..<max(5, bench.runs)).map { _ in try bench.runKit(["sync"], home: home) }
            let requests = try proxy.counts().all - before
            return [
                Figure.time(row, "time", .milliseconds, times),
                .single(row, "requests", .count, Double(requests), goal: .gate(0)),
            ]
        }
    }
}

/// A home with one pin of the large length, or of another, in bytes.
func homeWithLargePin(_ bench: Bench, length: Int? = nil) throws -> URL {
    let file = try bench.randomFile("large", length: length ?? bench.amounts.large)
    defer { bench.remove(file) }
    let home = try bench.newHome(in: bench.memory)
    _ = try bench.runKit(["add", "--quiet", file.path], home: home)
    return home
}

/// A home with many small pins.
func homeWithSmallPins(_ bench: Bench, count: Int? = nil) throws -> URL {
    let files = try bench.randomFiles("pins", count: count ?? bench.amounts.pins, length: 65_536, perFolder: 1)
    defer { bench.remove(bench.memory.appending(path: "pins")) }
    let home = try bench.newHome(in: bench.memory)
    _ = try bench.runKit(["add", "--quiet"] + files.map(\.path), home: home)
    return home
}

/// Counts requests in one run of each side, then takes the times of others; `pins` is nil where they are few and large.
private func syncFigures(_ bench: Bench, _ row: String, _ home: URL, pins: Int?) throws -> [Figure] {
    let archives = bench.memory.appending(path: "archives")
    defer { bench.remove(archives) }
    let ours = try countSync(bench, home, archives)
    let theirs = try countCopy(bench, archives)
    let both = try bench.sideBySide(
        row,
        { try ObjectServer.with(bench) { try sync(bench, home, $0) } },
        { try ObjectServer.with(bench) { try copy(archives, to: $0) } }
    )
    return [
        Figure.time(
            row,
            "time",
            .seconds,
            both.ours,
            against: "rclone copy",
            both.theirs,
            goal: .ratio(1)
        ),
        .single(
            row,
            "uploads (PUT and POST)",
            .count,
            Double(ours.counts.uploads),
            against: "rclone copy",
            Double(theirs.counts.uploads),
            goal: pins.map { .gate(Double($0) + uploadsBesidePins) }
        ),
        .single(
            row,
            "requests: \(ours.counts.methods)",
            .count,
            Double(ours.counts.all),
            against: "rclone: \(theirs.counts.methods)",
            Double(theirs.counts.all)
        ),
        .single(row, "stored", .mebibytes, ours.stored, against: "the CARs", theirs.stored),
        .single(
            row,
            "peak memory",
            .mebibytes,
            both.ours.peak,
            against: "rclone copy",
            both.theirs.peak,
            goal: .gate(uploadPeak)
        ),
    ]
}

/// One sync through the counting proxy; the CARs that it has stored come down into `archives`, for the peer.
private func countSync(_ bench: Bench, _ home: URL, _ archives: URL) throws -> (counts: RequestCounts, stored: Double) {
    try ObjectServer.with(bench) { server in
        let counts = try CountingProxy.with(bench, before: server) { proxy in
            _ = try sync(bench, home, server, through: proxy.endpoint)
            return try proxy.counts()
        }
        _ = try server.runRclone(["copy", "peer:\(ObjectServer.bucket)/cars", archives.path])
        return (counts, try server.mebibytes())
    }
}

private func countCopy(_ bench: Bench, _ archives: URL) throws -> (counts: RequestCounts, stored: Double) {
    try ObjectServer.with(bench) { server in
        let counts = try CountingProxy.with(bench, before: server) { proxy in
            _ = try copy(archives, to: server, through: proxy.endpoint)
            return try proxy.counts()
        }
        return (counts, try server.mebibytes())
    }
}

/// The first sync of a copy of the home.
private func sync(
    _ bench: Bench,
    _ home: URL,
    _ server: ObjectServer,
    through endpoint: String? = nil
) throws -> Outcome {
    let copy = bench.memory.appending(path: "synced")
    defer { bench.remove(copy) }
    _ = try bench.run(["cp", "-r", home.path, copy.path])
    try server.configure(copy, endpoint: endpoint)
    return try bench.runKit(["sync"], home: copy)
}

private func copy(_ archives: URL, to server: ObjectServer, through endpoint: String? = nil) throws -> Outcome {
    let words = ["copy", archives.path, "peer:\(ObjectServer.bucket)", "--transfers", "16"]
    return try server.runRclone(words, endpoint: endpoint)
}
