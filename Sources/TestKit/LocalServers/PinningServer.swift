/// The simulator of a pinning service on this machine: `tools/simulators/pinning_service` says what it is held to.
package struct PinningServer: Simulator {
    /// `http://127.0.0.1:` and a port.
    package let endpoint: String
    /// What requests have to show.
    package let token = "secret-token-4711"

    private static let shared = SharedServer { try await start($0) }

    /// A service without faults that all tests of the process share who want the same switches.
    package static func running(_ switches: [String] = []) async throws -> PinningServer {
        try Requirement.check("pinning-simulator", program: "python3")
        return try await shared.running(switches)
    }

    /// Starts a service with switches of the simulator; it runs until the test process ends.
    package static func start(_ switches: [String] = []) async throws -> PinningServer {
        let words = ["--base", "/psa", "--token", "secret-token-4711"] + switches
        let port = try await launch("pinning_service", words, requirement: "pinning-simulator")
        return PinningServer(endpoint: "http://127.0.0.1:\(port)")
    }

    /// The settings of a backend there that every vendor has, as flags.
    package var flags: [String] {
        ["--endpoint", endpoint + "/psa", "--gateway-url", endpoint, "--token", token]
    }

    /// Changes a byte of what is held of a root.
    package func spoil(_ root: String) async throws { try await send("PUT", "/-/spoil/\(root)") }

    /// Takes the content of a root away; what is said of it stays.
    package func lose(_ root: String) async throws { try await send("PUT", "/-/lose/\(root)") }

    /// Sends a request as anybody may who has the token, with a document where one is given.
    @discardableResult
    package func send(_ method: String, _ target: String, _ body: String? = nil) async throws -> [UInt8] {
        let document = body.map { ["--data-binary", $0] } ?? []
        return Array(try await curl(["-g", "-X", method, "-H", "Authorization: Bearer \(token)"] + document, target))
    }
}
