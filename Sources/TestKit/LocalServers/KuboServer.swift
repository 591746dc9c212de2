internal import Foundation
internal import Storage

/// The simulator of a Kubo node on this machine: `tools/simulators/kubo` says what it is held to.
package struct KuboServer: Sendable {
    /// `http://127.0.0.1:` and a port.
    package let endpoint: String

    private static let shared = Locked<Task<KuboServer, any Error>?>(nil)

    /// A node without faults that all tests of the process share.
    package static func running() async throws -> KuboServer {
        try Requirement.check("kubo-simulator", program: "python3")
        let task = shared.change { shared in
            if let task = shared { return task }
            let task = Task { try await start() }
            shared = task
            return task
        }
        return try await task.value
    }

    /// Starts a node with switches of the simulator; it runs until the test process ends.
    package static func start(_ switches: [String] = []) async throws -> KuboServer {
        try Requirement.check("kubo-simulator", program: "python3")
        guard let python = Programs.python else { throw ServerProblem(message: "There is no python3 here.") }
        let folder = try ServerProcess.newFolder("kubo")
        let script = packageRoot.appending(path: "tools/simulators/kubo/server.py").path
        let process = try ServerProcess(python, [script] + switches, folder: folder)
        let log = folder.appending(path: "log.txt")
        try await process.wait { Self.port(in: log) != nil }
        guard let port = port(in: log) else { throw ServerProblem(message: "The simulator told no port.") }
        return KuboServer(endpoint: "http://127.0.0.1:\(port)")
    }

    /// Turns a fault on, with its fields as JSON.
    package func begin(_ fault: String, _ fields: String = "{}") async throws {
        _ = try await curl(["-X", "PUT", "--data-binary", fields], "/-/fault/\(fault)")
    }

    /// Turns a fault off.
    package func end(_ fault: String) async throws { _ = try await curl(["-X", "DELETE"], "/-/fault/\(fault)") }

    /// All requests so far: `POST /api/v0/pin/ls?arg=…`.
    package func requests() async throws -> [String] {
        try JSONDecoder().decode([String].self, from: try await curl([], "/-/requests"))
    }

    /// Forgets the requests so far.
    package func forgetRequests() async throws { _ = try await curl(["-X", "DELETE"], "/-/requests") }

    /// Sends a command as anybody may, with a file where one is given.
    @discardableResult
    package func command(_ target: String, file: [UInt8]? = nil) async throws -> [UInt8] {
        var arguments = ["-X", "POST"]
        if let file {
            let path = FileManager.default.temporaryDirectory.appending(path: "ipfs-kit-part-\(UUID().uuidString)")
            try Data(file).write(to: path)
            defer { try? FileManager.default.removeItem(at: path) }
            return Array(try await curl(arguments + ["-F", "file=@\(path.path)"], "/api/v0/\(target)"))
        }
        arguments += ["--data-binary", ""]
        return Array(try await curl(arguments, "/api/v0/\(target)"))
    }

    private func curl(_ arguments: [String], _ target: String) async throws -> Data {
        guard let curl = Programs.find("curl") else { throw ServerProblem(message: "There is no curl here.") }
        let result = try await ProcessRunner.run(curl, ["-s", "-S", "-f"] + arguments + [endpoint + target])
        guard result.code == 0 else {
            throw ServerProblem(message: "The simulator refused \(target): \(result.errorText)")
        }
        return result.output
    }

    private static func port(in log: URL) -> Int? {
        let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").first.flatMap { Int($0) }
    }
}
