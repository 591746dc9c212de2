internal import Foundation

/// The simulator of an IPFS Cluster on this machine: `tools/simulators/ipfs_cluster` says what it is made from.
package struct ClusterServer: Sendable {
    /// `http://127.0.0.1:` and a port, where the REST API of its first peer is.
    package let endpoint: String
    /// The same for the IPFS proxy of each peer.
    package let proxies: [String]

    private struct Ports: Decodable { let api: Int, proxies: [Int] }

    /// Starts a cluster with switches of the simulator; it runs until the test process ends.
    package static func start(_ switches: [String] = []) async throws -> ClusterServer {
        try Requirement.check("cluster-simulator", program: "python3")
        guard let python = Programs.python else { throw ServerProblem(message: "There is no python3 here.") }
        let folder = try ServerProcess.newFolder("cluster")
        let script = packageRoot.appending(path: "tools/simulators/ipfs_cluster/server.py").path
        let process = try ServerProcess(python, [script] + switches, folder: folder)
        let log = folder.appending(path: "log.txt")
        try await process.wait { Self.ports(in: log) != nil }
        guard let ports = ports(in: log) else { throw ServerProblem(message: "The simulator told no ports.") }
        return ClusterServer(
            endpoint: "http://127.0.0.1:\(ports.api)",
            proxies: ports.proxies.map { "http://127.0.0.1:\($0)" }
        )
    }

    /// Turns a fault on, with its fields as JSON.
    package func begin(_ fault: String, _ fields: String = "{}") async throws {
        try await curl(["-X", "PUT", "--data-binary", fields], "/-/fault/\(fault)")
    }

    /// Turns a fault off.
    package func end(_ fault: String) async throws { try await curl(["-X", "DELETE"], "/-/fault/\(fault)") }

    /// Does something on the nodes of the peers, as JSON says.
    package func change(_ what: String) async throws { try await curl(["-X", "POST", "--data-binary", what], "/-/do") }

    /// All requests so far: `GET /pins/…`.
    package func requests() async throws -> [String] {
        try JSONDecoder().decode([String].self, from: try await curl([], "/-/requests"))
    }

    /// Forgets the requests so far.
    package func forgetRequests() async throws { try await curl(["-X", "DELETE"], "/-/requests") }

    /// Sends a request as anybody may.
    @discardableResult
    package func ask(_ method: String, _ target: String) async throws -> String {
        String(decoding: try await curl(["-X", method], target), as: UTF8.self)
    }

    @discardableResult
    private func curl(_ arguments: [String], _ target: String) async throws -> Data {
        guard let curl = Programs.find("curl") else { throw ServerProblem(message: "There is no curl here.") }
        let result = try await ProcessRunner.run(curl, ["-s", "-S", "-f"] + arguments + [endpoint + target])
        guard result.code == 0 else {
            throw ServerProblem(message: "The simulator refused \(target): \(result.errorText)")
        }
        return result.output
    }

    private static func ports(in log: URL) -> Ports? {
        let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").first.flatMap { try? JSONDecoder().decode(Ports.self, from: Data($0.utf8)) }
    }
}
