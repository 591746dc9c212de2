internal import Foundation

/// What one run of a program took.
struct Outcome: Sendable, Decodable {
    /// Wall clock.
    let seconds: Double
    /// Seconds of processors.
    let processor: Double
    /// The most memory it had resident, in bytes.
    let peak: Double
    /// The exit code; negative for a signal.
    let code: Int
    /// What it printed.
    var output = ""

    private enum CodingKeys: CodingKey {
        case seconds, processor, peak, code
    }
}

/// Where measurements are made and with what.
struct Bench: Sendable {
    let amounts: Amounts
    let runs: Int
    /// A folder in memory, removed at the end.
    let memory: URL
    /// A folder on a disk, removed at the end.
    let disk: URL
    let children = Children()
    private let kit: String
    private let python: String

    init(_ options: Options) throws {
        amounts = options.isQuick ? .quick : .full
        runs = options.runs
        kit = URL(filePath: options.kit).standardizedFileURL.path
        guard FileManager.default.isExecutableFile(atPath: kit) else {
            throw BenchProblem(.missingProgram, "There is no binary at \(kit): run `make release`.")
        }
        for name in ["curl", "openssl", "rclone"] { _ = try Self.program(name) }
        python = try Self.program("python3")
        let name = "kit-bench-\(ProcessInfo.processInfo.processIdentifier)"
        memory = URL(filePath: options.memory).appending(path: name).standardizedFileURL
        disk = URL(filePath: options.disk).appending(path: name).standardizedFileURL
        for folder in [memory, disk] {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
    }

    /// Removes everything that was written.
    func clean() {
        for folder in [memory, disk] { try? FileManager.default.removeItem(at: folder) }
    }

    /// Runs a program to its end and says what it took; throws where it fails.
    func run(_ words: [String], environment: [String: String] = [:]) throws -> Outcome {
        let report = memory.appending(path: "report.json")
        let output = memory.appending(path: "output.txt")
        let timed = try Self.packageRoot().appending(path: "tools/bench/timed.py").path
        let process = try children.start(
            python,
            [timed, report.path] + words,
            environment: environment,
            output: output
        )
        children.wait(for: process)
        // Content that was written out is no text, and is not wanted.
        let data = try Data(contentsOf: output, options: .alwaysMapped).prefix(1 << 20)
        let text = String(data: data, encoding: .utf8) ?? ""
        let name = words.prefix(3).joined(separator: " ")
        guard process.terminationStatus == 0 else { throw BenchProblem(.failed, "\(name) did not run: \(text)") }
        var outcome = try JSONDecoder().decode(Outcome.self, from: Data(contentsOf: report))
        guard outcome.code == 0 else {
            throw BenchProblem(.failed, "\(name) ended with \(outcome.code): \(text.suffix(2000))")
        }
        outcome.output = text
        return outcome
    }

    /// Runs `ipfs-kit` with this home; what it writes goes to a file in memory, or through a pipe to nobody.
    func runKit(_ words: [String], home: URL, isPiped: Bool = false) throws -> Outcome {
        let places = ["IPFS_KIT_HOME": home.path, "KIT_BENCH_SECRET": ObjectServer.secret]
        let pipe = ["bash", "-o", "pipefail", "-c", #""$@" | cat > /dev/null"#, "bash"]
        return try run((isPiped ? pipe : []) + [kit] + words + ["--no-progress"], environment: places)
    }

    /// A new kit home in a folder.
    func newHome(in folder: URL, _ name: String = "home") throws -> URL {
        let home = folder.appending(path: name)
        try? FileManager.default.removeItem(at: home)
        _ = try runKit(["init"], home: home)
        return home
    }

    /// Runs two things turn by turn, so that what else the machine does meets both of them.
    func sideBySide(
        _ row: String,
        runs: Int? = nil,
        _ ours: () throws -> Outcome,
        _ theirs: () throws -> Outcome
    ) throws -> (ours: [Outcome], theirs: [Outcome]) {
        var both: (ours: [Outcome], theirs: [Outcome]) = ([], [])
        let count = runs ?? self.runs
        for turn in 1...count {
            if count < 10 { say("\(row): \(turn) of \(count)") }
            both.ours.append(try ours())
            both.theirs.append(try theirs())
        }
        return both
    }

    /// Says what is being done, to the error output.
    func say(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }

    /// The place of a program: the package's own, or else one of the path.
    static func program(_ name: String) throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let own = (try? packageRoot().appending(path: ".tools/venv/bin").path) ?? ""
        let places = ([own] + path.split(separator: ":").map(String.init)).map { "\($0)/\(name)" }
        guard let place = places.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw BenchProblem(.missingProgram, "There is no \(name) here; `tools/setup test` installs it.")
        }
        return place
    }

    /// The folder of the package: the nearest above this file that has a manifest.
    static func packageRoot() throws -> URL {
        var folder = URL(filePath: #filePath).deletingLastPathComponent()
        while folder.path != "/" {
            if FileManager.default.fileExists(atPath: folder.appending(path: "Package.swift").path) { return folder }
            folder.deleteLastPathComponent()
        }
        throw BenchProblem(.missingProgram, "The sources that this was built from are gone.")
    }
}

extension [Outcome] {
    /// The most memory that any of them had, in MiB.
    var peak: Double { (map(\.peak).max() ?? .nan) / 1_048_576 }
}
