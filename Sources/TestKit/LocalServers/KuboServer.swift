/// The simulator of a Kubo node on this machine: `tools/simulators/kubo` says what it is held to.
package struct KuboServer: Simulator {
    /// `http://127.0.0.1:` and a port.
    package let endpoint: String

    private static let shared = SharedServer { try await start($0) }

    /// A node without faults that all tests of the process share.
    package static func running() async throws -> KuboServer {
        try Requirement.check("kubo-simulator", program: "python3")
        return try await shared.running()
    }

    /// Starts a node with switches of the simulator; it runs until the test process ends.
    package static func start(_ switches: [String] = []) async throws -> KuboServer {
        let port = try await launch("kubo", switches, requirement: "kubo-simulator")
        return KuboServer(endpoint: "http://127.0.0.1:\(port)")
    }

    /// Sends a command as anybody may, with a file where one is given.
    @discardableResult
    package func command(_ target: String, file: [UInt8]? = nil) async throws -> [UInt8] {
        guard let file else { return Array(try await curl(["-X", "POST", "--data-binary", ""], "/api/v0/\(target)")) }
        return Array(try await curl(file, { ["-X", "POST", "-F", "file=@\($0)"] }, "/api/v0/\(target)"))
    }
}
