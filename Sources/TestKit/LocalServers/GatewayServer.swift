internal import Foundation
package import Multiformats
internal import Storage

/// The simulator of a trustless gateway on this machine: `tools/simulators/gateway` says what it is held to.
package struct GatewayServer: Sendable {
    /// `http://127.0.0.1:` and a port.
    package let endpoint: String

    private static let shared = Locked<Task<GatewayServer, any Error>?>(nil)

    /// A gateway without faults that all tests of the process share.
    package static func running() async throws -> GatewayServer {
        try Requirement.check("gateway-simulator", program: "python3")
        let task = shared.change { shared in
            if let task = shared { return task }
            let task = Task { try await start() }
            shared = task
            return task
        }
        return try await task.value
    }

    /// Starts a gateway with switches of the simulator; it runs until the test process ends.
    package static func start(_ switches: [String] = []) async throws -> GatewayServer {
        try Requirement.check("gateway-simulator", program: "python3")
        guard let python = Programs.python else { throw ServerProblem(message: "There is no python3 here.") }
        let folder = try ServerProcess.newFolder("gateway")
        let script = packageRoot.appending(path: "tools/simulators/gateway/server.py").path
        let process = try ServerProcess(python, [script] + switches, folder: folder)
        let log = folder.appending(path: "log.txt")
        try await process.wait { Self.port(in: log) != nil }
        guard let port = port(in: log) else { throw ServerProblem(message: "The simulator told no port.") }
        return GatewayServer(endpoint: "http://127.0.0.1:\(port)")
    }

    /// Serves the files of a folder at a URL, as any web server does.
    package static func files(of folder: String) async throws -> String {
        try Requirement.check("gateway-simulator", program: "rclone")
        guard let rclone = Programs.find("rclone") else { throw ServerProblem(message: "There is no rclone here.") }
        let port = try await Ports.free(1)[0]
        let words = ["serve", "http", "--config", "/dev/null", "--addr", "127.0.0.1:\(port)", "--read-only", folder]
        let process = try ServerProcess(rclone, words, folder: try ServerProcess.newFolder("files"))
        try await process.wait { try await Ports.answers(port) }
        return "http://127.0.0.1:\(port)"
    }

    /// Keeps the blocks of a CAR.
    package func keep(_ car: [UInt8]) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "ipfs-kit-part-\(UUID().uuidString)")
        try Data(car).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        _ = try await curl(["-X", "PUT", "--data-binary", "@\(path.path)"], "/-/car")
    }

    /// Forgets all blocks below a root.
    package func forget(_ root: CID) async throws { _ = try await curl(["-X", "DELETE"], "/-/dag/\(root)") }

    /// Turns a fault on, with its fields as JSON.
    package func begin(_ fault: String, _ fields: String = "{}") async throws {
        _ = try await curl(["-X", "PUT", "--data-binary", fields], "/-/fault/\(fault)")
    }

    /// Turns a fault off.
    package func end(_ fault: String) async throws { _ = try await curl(["-X", "DELETE"], "/-/fault/\(fault)") }

    /// All requests so far: `GET 127.0.0.1:8080 /ipfs/…`, with ` token` behind those that showed one.
    package func requests() async throws -> [String] {
        try JSONDecoder().decode([String].self, from: try await curl([], "/-/requests"))
    }

    /// Forgets the requests so far.
    package func forgetRequests() async throws { _ = try await curl(["-X", "DELETE"], "/-/requests") }

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
