import Foundation
import Storage
import TestKit
import Testing

/// What hides in files of a home from who only looks at their bytes.
enum SecretFiles {
    /// Writes the rows of all databases and Parquet files below a folder as text.
    static func unpack(_ folder: String, to target: String) async throws {
        let script = """
            import glob, sqlite3, sys
            import pyarrow.parquet as parquet
            with open(sys.argv[2], "w", errors="surrogateescape") as out:
                for path in glob.glob(sys.argv[1] + "/**/*.sqlite", recursive=True):
                    try:
                        for line in sqlite3.connect(path).iterdump(): print(line, file=out)
                    except sqlite3.Error as error:
                        print(error, file=out)
                for path in glob.glob(sys.argv[1] + "/**/*.parquet", recursive=True):
                    print(parquet.read_table(path).to_pylist(), file=out)
            """
        let python = try #require(Programs.python)
        let result = try await ProcessRunner.run(python, ["-c", script, folder, target])
        try #require(result.code == 0, "\(result.errorText)")
    }
}

/// Watches what processes call themselves.
final class Titles: Sendable {
    private let cores: [(name: String, core: Data)]
    private let found = Locked<Set<String>>([])

    init(_ canaries: [Canary]) { cores = canaries.map { ($0.name, Data($0.core.utf8)) } }

    /// The secrets that were seen, and where.
    var seen: [String] { found.read { $0.sorted() } }

    /// Looks again and again until the task is cancelled.
    @concurrent
    func watch() async throws {
        while !Task.isCancelled {
            for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(name) != nil {
                guard let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else { continue }
                for (canary, core) in cores where line.range(of: core) != nil {
                    found.change { _ = $0.insert("\(canary) in \(String(decoding: line.prefix(200), as: UTF8.self))") }
                }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
