package import Foundation
internal import Synchronization

/// What a program that ran to its end left.
package struct ProcessResult: Sendable {
    /// The exit code; 128 and the signal's number where a signal ended it.
    package let code: Int
    package let output: Data
    package let errors: Data
    /// Whether it was stopped because its time was over.
    package let timedOut: Bool

    /// What it wrote, as text.
    package var text: String { String(decoding: output, as: UTF8.self) }
    /// What it wrote to its error output, as text.
    package var errorText: String { String(decoding: errors, as: UTF8.self) }
}

/// Runs programs for tests.
package enum ProcessRunner {
    /// Runs a program to its end and gives back everything that it wrote; after `timeout` it is killed.
    ///
    /// Input and outputs go through files, so no pipe can fill up and stop both sides.
    @concurrent
    package static func run(
        _ program: URL,
        _ arguments: [String],
        input: Data = Data(),
        environment: [String: String] = [:],
        folder: URL? = nil,
        timeout: Duration = .seconds(120)
    ) async throws -> ProcessResult {
        let place = FileManager.default.temporaryDirectory.appending(path: "ipfs-kit-run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: place) }
        let (inputFile, outputFile, errorFile) = (
            place.appending(path: "in"), place.appending(path: "out"), place.appending(path: "err")
        )
        try input.write(to: inputFile)
        for file in [outputFile, errorFile] { try Data().write(to: file) }
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = try FileHandle(forReadingFrom: inputFile)
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        let timedOut = try await finish(process, timeout)
        return ProcessResult(
            code: Int(process.terminationStatus) + (process.terminationReason == .uncaughtSignal ? 128 : 0),
            output: try Data(contentsOf: outputFile),
            errors: try Data(contentsOf: errorFile),
            timedOut: timedOut
        )
    }

    /// Runs the `ipfs-kit` binary with a home folder of its own, so that nothing of the user's is touched.
    package static func runKit(
        _ arguments: [String],
        home: String,
        input: Data = Data(),
        environment: [String: String] = [:],
        timeout: Duration = .seconds(120)
    ) async throws -> ProcessResult {
        guard let binary = Programs.kit else {
            throw Requirement(word: "binary", reason: "the ipfs-kit binary was not built")
        }
        let homes = ["HOME": home, "IPFS_KIT_HOME": home + "/ipfs-kit"]
        return try await run(
            binary,
            arguments,
            input: input,
            environment: homes.merging(environment) { $1 },
            timeout: timeout
        )
    }

    /// Starts the process, waits for its end without blocking a thread, and says whether it had to be killed.
    private static func finish(_ process: Process, _ timeout: Duration) async throws -> Bool {
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in end.finish() }
        try process.start()
        let identifier = process.processIdentifier
        return await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in ended {}
                // A cancelled test ends the stream early; the process must not outlive it.
                if Task.isCancelled { kill(identifier, SIGKILL) }
                return false
            }
            group.addTask {
                do { try await Task.sleep(for: timeout) } catch { return false }
                kill(identifier, SIGKILL)
                return true
            }
            let timedOut = await group.next() ?? false
            group.cancelAll()
            process.waitUntilExit()
            return timedOut
        }
    }
}

extension Process {
    private static let starting = Mutex(())

    /// Starts the process; one starts at a time, for Foundation was seen to crash where several did at once.
    package func start() throws { try Self.starting.withLock { _ in try run() } }
}
