internal import Foundation

/// A simulator of `tools/simulators` on this machine, which takes faults and writes down requests.
package protocol Simulator: Sendable {
    /// `http://127.0.0.1:` and a port.
    var endpoint: String { get }
}

extension Simulator {
    /// Starts the simulator of a folder with switches of its own, which runs until the test process ends; gives the
    /// first line that it writes.
    static func launch(_ name: String, _ switches: [String], requirement: String) async throws -> String {
        try Requirement.check(requirement, program: "python3")
        guard let python = Programs.python else { throw ServerProblem(message: "There is no python3 here.") }
        let folder = try ServerProcess.newFolder(name)
        let script = packageRoot.appending(path: "tools/simulators/\(name)/server.py").path
        let process = try ServerProcess(python, [script] + switches, folder: folder)
        let log = folder.appending(path: "log.txt")
        try await process.wait { firstLine(of: log) != nil }
        guard let line = firstLine(of: log) else { throw ServerProblem(message: "The simulator told no port.") }
        return line
    }

    private static func firstLine(of log: URL) -> String? {
        let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        return text.contains("\n") ? text.split(separator: "\n").first.map(String.init) : nil
    }

    /// Turns a fault on, with its fields as JSON.
    package func begin(_ fault: String, _ fields: String = "{}") async throws {
        try await curl(["-X", "PUT", "--data-binary", fields], "/-/fault/\(fault)")
    }

    /// Turns a fault off.
    package func end(_ fault: String) async throws { try await curl(["-X", "DELETE"], "/-/fault/\(fault)") }

    /// All requests so far: `GET /pins/…`, with what the simulator's page says besides.
    package func requests() async throws -> [String] {
        try JSONDecoder().decode([String].self, from: try await curl([], "/-/requests"))
    }

    /// Forgets the requests so far.
    package func forgetRequests() async throws { try await curl(["-X", "DELETE"], "/-/requests") }

    /// Sends a request, and gives what came back.
    @discardableResult
    func curl(_ arguments: [String], _ target: String) async throws -> Data {
        guard let curl = Programs.find("curl") else { throw ServerProblem(message: "There is no curl here.") }
        let result = try await ProcessRunner.run(curl, ["-s", "-S", "-f"] + arguments + [endpoint + target])
        guard result.code == 0 else {
            throw ServerProblem(message: "The simulator refused \(target): \(result.errorText)")
        }
        return result.output
    }

    /// Sends a request with bytes in a file, whose path stands in the arguments that are made of it.
    @discardableResult
    func curl(_ bytes: [UInt8], _ arguments: (String) -> [String], _ target: String) async throws -> Data {
        let path = FileManager.default.temporaryDirectory.appending(path: "ipfs-kit-part-\(UUID().uuidString)")
        try Data(bytes).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        return try await curl(arguments(path.path), target)
    }
}
