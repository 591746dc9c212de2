internal import Foundation
internal import Glibc
internal import Storage

/// A server that runs beside the tests, in a folder of its own, until the test process ends.
struct ServerProcess: Sendable {
    /// What it keeps and writes.
    let folder: URL
    private let child: Child

    /// Starts the program under `timeout`, so that a crashed test run cannot leave it behind for ever.
    init(_ program: URL, _ arguments: [String], folder: URL) throws {
        let limit = ["--kill-after=5", "3600", program.path]
        var start = Child.Start("/usr/bin/timeout", limit + arguments)
        start.folder = folder.path
        start.output = folder.appending(path: "log.txt").path
        self.folder = folder
        child = try Child(start)
        Self.register(child, folder)
    }

    /// A new empty folder for a server.
    static func newFolder(_ name: String) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ipfs-kit-\(name)-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Waits until `condition` holds.
    ///
    /// When the server ends before or takes too long, it is told to end, and its last words are thrown.
    func wait(
        within limit: Duration = .seconds(60),
        until condition: @Sendable () async throws -> Bool
    ) async throws {
        if try await holds(within: limit, while: { child.isRunning }, condition) { return }
        let ending = child.isRunning ? "was not ready within \(limit)" : "ended before it was ready"
        child.signal(SIGTERM)
        let log = (try? String(contentsOf: folder.appending(path: "log.txt"), encoding: .utf8)) ?? ""
        throw ServerProblem(message: "The server in \(folder.path) \(ending): \(log.suffix(2000))")
    }

    private static let running = Locked<[(Child, URL)]>([])

    private static func register(_ child: Child, _ folder: URL) {
        let isFirst = running.change { running in
            running.append((child, folder))
            return running.count == 1
        }
        if isFirst { atexit { ServerProcess.stopAll() } }
    }

    private static func stopAll() {
        for (child, folder) in running.read({ $0 }) {
            child.signal(SIGTERM)
            // It may still write while it ends, and its folder has to go all the same. No task runs any more at an
            // exit, so its end is asked for rather than awaited.
            for _ in 0..<100 where child.isRunning { usleep(20_000) }
            try? FileManager.default.removeItem(at: folder)
        }
    }
}

/// A server that tests need and that does not work.
package struct ServerProblem: Error, CustomStringConvertible {
    package let message: String
    package var description: String { message }
}
