internal import Foundation

/// A recovery from S3 and the verification of what is there, against `rclone copy` down.
@Sendable func measureRecovery(_ bench: Bench, _ row: String) async throws -> [Figure] {
    try ObjectServer.with(bench) { server in
        let first = try homeWithLargePin(bench)
        try server.configure(first)
        _ = try bench.runKit(["sync"], home: first)
        bench.remove(first)
        let (home, down) = (bench.memory.appending(path: "recovered"), bench.memory.appending(path: "down"))
        defer { bench.remove(home, down) }
        var verified: [Outcome] = []
        let both = try bench.sideBySide(
            row,
            {
                bench.remove(down)
                try server.configure(try bench.newHome(in: bench.memory, "recovered"))
                let outcome = try bench.runKit(["recover", "--from", "bucket"], home: home)
                verified.append(try bench.runKit(["verify"], home: home))
                return outcome
            },
            {
                bench.remove(home)
                return try server.runRclone(["copy", "peer:\(ObjectServer.bucket)", down.path])
            }
        )
        return [("recover", both.ours), ("verify", verified)].flatMap { name, outcomes in
            [
                Figure.time(
                    row,
                    "time of \(name)",
                    .seconds,
                    outcomes,
                    against: "rclone copy down",
                    both.theirs
                ),
                .single(row, "peak memory of \(name)", .mebibytes, outcomes.peak, against: "rclone", both.theirs.peak),
            ]
        }
    }
}
