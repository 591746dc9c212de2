internal import Foundation

/// The start of the program, against those of other programs; whole processes.
@Sendable func measureVersion(_ bench: Bench, _ row: String) async throws -> [Figure] {
    let home = bench.memory.appending(path: "none")
    return try [("curl --version", ["curl", "--version"]), ("/bin/true", ["/bin/true"])].map { name, words in
        let both = try bench.sideBySide(
            row,
            runs: 21,
            { try bench.runKit(["version"], home: home) },
            { try bench.run(words) }
        )
        return Figure.time(
            row,
            "time",
            .milliseconds,
            both.ours,
            against: name,
            both.theirs,
            goal: .value(15)
        )
    }
}
