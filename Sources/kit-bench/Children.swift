internal import Foundation
internal import Glibc
internal import Synchronization

/// The processes that are running for the benchmark, so that none of them outlives it.
final class Children: Sendable {
    private let running = Mutex<Set<Int32>>([])

    /// Starts a program whose output goes to a file; its errors go to the same.
    func start(_ program: String, _ words: [String], environment: [String: String], output: URL) throws -> Process {
        try Data().write(to: output)
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = words
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = process.standardOutput
        try process.run()
        let identifier = process.processIdentifier
        running.withLock { _ = $0.insert(identifier) }
        return process
    }

    /// Waits for the end of a process.
    func wait(for process: Process) {
        process.waitUntilExit()
        let identifier = process.processIdentifier
        running.withLock { _ = $0.remove(identifier) }
    }

    /// Asks a process to end, and waits until it has.
    func stop(_ process: Process) {
        if process.isRunning { kill(process.processIdentifier, SIGTERM) }
        wait(for: process)
    }

    /// Ends all of them at once, with what they have started.
    func stopAll() {
        for identifier in running.withLock({ $0 }) {
            kill(identifier, SIGTERM)
            // Foundation makes each the leader of a group; a child of `timed.py` is in it.
            kill(-identifier, SIGTERM)
        }
    }
}
