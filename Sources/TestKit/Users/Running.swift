internal import Foundation
internal import Glibc
internal import Testing

/// A command of the program while it runs; it ends with the test at the latest.
package final class Running: Sendable {
    private let process: Child
    private let folder: URL

    /// Starts a command of a user in the background.
    package init(_ user: User, _ arguments: String...) throws {
        folder = URL(filePath: "\(user.folder)/run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let binary = try #require(Programs.kit)
        var start = Child.Start(binary.path, arguments)
        start.environment = ["HOME": user.folder, "IPFS_KIT_HOME": user.home].merging(user.environment) { $1 }
        start.output = folder.appending(path: "out").path
        start.errors = folder.appending(path: "err").path
        process = try Child(start)
    }

    deinit {
        process.signal(SIGTERM)
        // One that is stopped hears nothing before it goes on.
        process.signal(SIGCONT)
    }

    /// What it has printed so far.
    package var output: String { (try? String(contentsOf: folder.appending(path: "out"), encoding: .utf8)) ?? "" }
    package var errors: String { (try? String(contentsOf: folder.appending(path: "err"), encoding: .utf8)) ?? "" }

    /// Waits until `condition` holds; fails the test when the command ends before, or after half a minute.
    package func wait(until condition: () async throws -> Bool) async throws {
        let isSo = try await holds(while: { process.isRunning }, condition)
        try #require(isSo, "it ended or waited too long: \(output)\(errors)")
    }

    /// Sends it a signal.
    package func signal(_ number: Int32) { process.signal(number) }

    /// Stops it, at a moment when it holds no lock that everybody at the home waits for.
    package func pause(_ user: User) async throws {
        let flock = try #require(Programs.find("flock"))
        let locks = ["locks/catalog", "store/index/lock"].map { "\(user.home)/\($0)" }
        while process.isRunning {
            signal(SIGSTOP)
            var isFree = true
            for lock in locks {
                let result = try await ProcessRunner.run(flock, ["--nonblock", lock, "true"])
                isFree = isFree && result.code == 0
            }
            if isFree { return }
            signal(SIGCONT)
        }
    }

    /// Waits for its end and returns its exit code; 128 and the signal's number where a signal ended it.
    package func end() async -> Int { await process.end() }
}
