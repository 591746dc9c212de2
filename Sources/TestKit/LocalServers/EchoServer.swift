package import Foundation

/// A service that gives back in its answers whatever it was sent and whatever it was told; a proxy that does so too.
package struct EchoServer: Sendable {
    /// `http://127.0.0.1:` and a port.
    package let endpoint: String

    /// The host and the port.
    package var host: String { endpoint.replacingOccurrences(of: "http://", with: "") }

    /// Starts a server; it runs until the test process ends.
    package static func start() async throws -> EchoServer {
        guard let python = Programs.python else { throw ServerProblem(message: "There is no python3 here.") }
        let folder = try ServerProcess.newFolder("echo")
        let script = packageRoot.appending(path: "tools/servers/echo_server.py").path
        let process = try ServerProcess(python, [script], folder: folder)
        let log = folder.appending(path: "log.txt")
        @Sendable func port() -> Int? {
            let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
            return text.contains("\n") ? Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) : nil
        }
        try await process.wait { port() != nil }
        guard let port = port() else { throw ServerProblem(message: "The echo told no port.") }
        return EchoServer(endpoint: "http://127.0.0.1:\(port)")
    }

    /// Tells it what the service behind each backend knows; a name `*` stands for all of them.
    package func tell(_ secrets: [(name: String, text: String)]) async throws {
        let lines = secrets.map { "\($0.name)\t\($0.text)" }.joined(separator: "\n")
        _ = try await ask("/-/tell", ["-X", "POST", "--data-binary", "@-"], input: Data(lines.utf8))
    }

    /// Everything that was sent to it so far.
    package func log() async throws -> Data { try await ask("/-/log") }

    /// The bodies of what was sent to it.
    package func bodies() async throws -> Data { try await ask("/-/bodies") }

    private func ask(_ path: String, _ words: [String] = [], input: Data = Data()) async throws -> Data {
        guard let curl = Programs.find("curl") else { throw ServerProblem(message: "There is no curl here.") }
        let result = try await ProcessRunner.run(curl, ["-s", "--noproxy", "*", endpoint + path] + words, input: input)
        guard result.code == 0 else { throw ServerProblem(message: "The echo does not answer: \(result.errorText)") }
        return result.output
    }
}
