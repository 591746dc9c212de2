internal import Foundation

/// How much more memory may be taken, in MiB, than for the sync of one small pin.
private let mayTake = 64.0

/// A row for each type of place that runs on this machine: many small pins and a large one, up and down, against rclone
/// for the same protocol.
let placeRows = PlaceServer.Kind.allCases.map { kind in
    BenchRow(name: "place-\(kind)", summary: "pins to and from the type \(kind)") { bench, row in
        let one = try homeWithSmallPins(bench, count: 1)
        defer { bench.remove(one) }
        let base = try PlaceServer.with(kind, bench) { [try sync(bench, one, $0)].peak }
        let many = "\(bench.amounts.pins) × 64 KiB"
        let small = try measure(kind, bench, row, many, try homeWithSmallPins(bench), base)
        let large = "\(bench.amounts.placed >> 20) MiB"
        let home = try homeWithLargePin(bench, length: bench.amounts.placed)
        return try small + measure(kind, bench, row, large, home, base)
    }
}

private func measure(
    _ kind: PlaceServer.Kind,
    _ bench: Bench,
    _ row: String,
    _ what: String,
    _ home: URL,
    _ base: Double
) throws -> [Figure] {
    let archives = bench.memory.appending(path: "archives")
    let down = bench.memory.appending(path: "down")
    let recovered = bench.memory.appending(path: "recovered")
    defer { bench.remove(home, archives, down, recovered) }
    // The CARs, for the peer.
    try PlaceServer.with(kind, bench) { server in
        _ = try sync(bench, home, server)
        _ = try server.copy(archives, up: false)
    }
    let up = try bench.sideBySide(
        row,
        { try PlaceServer.with(kind, bench) { try sync(bench, home, $0) } },
        { try PlaceServer.with(kind, bench) { try $0.copy(archives, up: true) } }
    )
    let back = try PlaceServer.with(kind, bench) { server in
        _ = try sync(bench, home, server)
        return try bench.sideBySide(
            row,
            {
                try server.configure(try bench.newHome(in: bench.memory, "recovered"))
                return try bench.runKit(["recover", "--from", "place"], home: recovered)
            },
            {
                bench.remove(recovered, down)
                return try server.copy(down, up: false)
            }
        )
    }
    let counted = Figure.single(row, "calls, \(what) up", .count, try up.ours.map(calls).max() ?? .nan)
    let timed = [("up", up, 1.0), ("down, into a store", back, 1.0)].flatMap { way, both, goal in
        [
            Figure.time(
                row,
                "\(what) \(way)",
                .seconds,
                both.ours,
                against: "rclone copy",
                both.theirs,
                goal: .ratio(goal)
            ),
            .single(
                row,
                "peak memory, \(what) \(way)",
                .mebibytes,
                both.ours.peak,
                against: "rclone copy",
                both.theirs.peak,
                goal: .gate(base + mayTake)
            ),
        ]
    }
    return [counted] + timed
}

/// The first sync of a copy of the home.
private func sync(_ bench: Bench, _ home: URL, _ server: PlaceServer) throws -> Outcome {
    let copy = bench.memory.appending(path: "synced")
    defer { bench.remove(copy) }
    _ = try bench.run(["cp", "-r", home.path, copy.path])
    try server.configure(copy)
    return try bench.runKit(["sync", "--json"], home: copy)
}

/// How many requests the kit counts in a sync.
private func calls(_ outcome: Outcome) throws -> Double {
    struct Sync: Decodable {
        struct Backend: Decodable { let calls: Double }
        let backends: [Backend]
    }
    // Its warnings are there, too.
    let answer = outcome.output.split(separator: "\n").first { $0.hasPrefix("{") } ?? ""
    return try JSONDecoder().decode(Sync.self, from: Data(answer.utf8)).backends.reduce(0) { $0 + $1.calls }
}
