package import Foundation
internal import Glibc

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
    /// Everything goes through files, so no pipe can fill up and stop both sides.
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
        var start = Child.Start(program.path, arguments)
        start.environment = environment
        start.folder = folder?.path
        (start.input, start.output, start.errors) = (inputFile.path, outputFile.path, errorFile.path)
        let child = try Child(start)
        let (code, timedOut) = await end(of: child, timeout)
        return ProcessResult(
            code: code,
            output: try Data(contentsOf: outputFile),
            errors: try Data(contentsOf: errorFile),
            timedOut: timedOut
        )
    }

    /// Runs the `ipfs-kit` binary with a home folder of its own, so that nothing of the user's is touched;
    /// what it prints with --json is compared with what it says of that itself.
    package static func runKit(
        _ arguments: [String],
        home: String,
        input: Data = Data(),
        environment: [String: String] = [:],
        timeout: Duration = .seconds(120),
        checksAnswer: Bool = true
    ) async throws -> ProcessResult {
        guard let binary = Programs.kit else {
            throw Requirement(word: "binary", reason: "the ipfs-kit binary was not built")
        }
        let homes = ["HOME": home, "IPFS_KIT_HOME": home + "/ipfs-kit"]
        let result = try await run(
            binary,
            arguments,
            input: input,
            environment: homes.merging(environment) { $1 },
            timeout: timeout
        )
        if checksAnswer { try await AnswerCheck.check(arguments, result) }
        return result
    }

    /// Waits for the end without blocking a thread, and says whether it had to be killed.
    private static func end(of child: Child, _ timeout: Duration) async -> (code: Int, timedOut: Bool) {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                guard (try? await Task.sleep(for: timeout)) != nil, child.isRunning else { return false }
                child.signal(SIGKILL)
                return true
            }
            // A cancelled test does not wait, and the process must not outlive it.
            let code = await withTaskCancellationHandler {
                await child.end()
            } onCancel: {
                child.signal(SIGKILL)
            }
            group.cancelAll()
            return (code, await group.next() ?? false)
        }
    }
}
