package import Multiformats

/// The simulator of a trustless gateway on this machine: `tools/simulators/gateway` says what it is held to.
package struct GatewayServer: Simulator {
    /// `http://127.0.0.1:` and a port.
    package let endpoint: String

    private static let shared = SharedServer { try await start($0) }

    /// A gateway without faults that all tests of the process share.
    package static func running() async throws -> GatewayServer {
        try Requirement.check("gateway-simulator", program: "python3")
        return try await shared.running()
    }

    /// Starts a gateway with switches of the simulator; it runs until the test process ends.
    package static func start(_ switches: [String] = []) async throws -> GatewayServer {
        let port = try await launch("gateway", switches, requirement: "gateway-simulator")
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
        try await curl(car, { ["-X", "PUT", "--data-binary", "@\($0)"] }, "/-/car")
    }

    /// Forgets all blocks below a root.
    package func forget(_ root: CID) async throws { try await curl(["-X", "DELETE"], "/-/dag/\(root)") }
}
