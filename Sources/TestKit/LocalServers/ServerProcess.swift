internal import Foundation
internal import Glibc
internal import Storage

/// A server that runs beside the tests, in a folder of its own, until the test process ends.
struct ServerProcess: Sendable {
    /// What it keeps and writes.
    let folder: URL
    private let identifier: Int32

    /// Starts the program under `timeout`, so that a crashed test run cannot leave it behind for ever.
    init(_ program: URL, _ arguments: [String], folder: URL) throws {
        let log = folder.appending(path: "log.txt")
        try Data().write(to: log)
        let process = Process()
        // A process started from a pool thread has inherited its blocked signals, and would not hear SIGTERM.
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["--default-signal", "timeout", "--kill-after=5", "3600", program.path] + arguments
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: log)
        process.standardError = try FileHandle(forWritingTo: log)
        try process.start()
        self.folder = folder
        identifier = process.processIdentifier
        Self.register(identifier, folder)
    }

    /// A new empty folder for a server.
    static func newFolder(_ name: String) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "ipfs-kit-\(name)-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Waits until `condition` holds; throws with the server's last words when it ends before or takes over a minute.
    func wait(until condition: @Sendable () async throws -> Bool) async throws {
        for _ in 0..<600 {
            if try await condition() { return }
            guard kill(identifier, 0) == 0 else { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        let log = (try? String(contentsOf: folder.appending(path: "log.txt"), encoding: .utf8)) ?? ""
        throw ServerProblem(message: "The server in \(folder.path) did not start: \(log.suffix(1000))")
    }

    private static let running = Locked<[(Int32, URL)]>([])

    private static func register(_ identifier: Int32, _ folder: URL) {
        let isFirst = running.change { running in
            running.append((identifier, folder))
            return running.count == 1
        }
        if isFirst { atexit { ServerProcess.stopAll() } }
    }

    private static func stopAll() {
        for (identifier, folder) in running.read({ $0 }) {
            kill(identifier, SIGTERM)
            // It may still write while it ends, and its folder has to go all the same. No task runs any more at an exit, so
            // its end is asked for rather than awaited.
            for _ in 0..<100 where kill(identifier, 0) == 0 { usleep(20_000) }
            try? FileManager.default.removeItem(at: folder)
        }
    }
}

/// A server that tests need and that does not work.
package struct ServerProblem: Error, CustomStringConvertible {
    package let message: String
    package var description: String { message }
}
