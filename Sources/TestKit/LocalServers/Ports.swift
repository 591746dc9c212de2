internal import Foundation

/// Ports of 127.0.0.1 and what answers there.
enum Ports {
    /// Ports that were free a moment ago, asked of the system all at once so that they differ.
    static func free(_ count: Int) async throws -> [Int] {
        let script = """
            import socket, sys
            held = [socket.create_server(("127.0.0.1", 0)) for _ in range(\(count))]
            print(*[each.getsockname()[1] for each in held])
            """
        guard let python = Programs.python else { throw ServerProblem(message: "There is no python3 here.") }
        let result = try await ProcessRunner.run(python, ["-c", script])
        let ports = result.text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard ports.count == count else { throw ServerProblem(message: "No free ports: \(result.errorText)") }
        return ports
    }

    /// Whether an HTTP server answers at the port, whatever it says.
    static func answers(_ port: Int) async throws -> Bool {
        guard let curl = Programs.find("curl") else { throw ServerProblem(message: "There is no curl here.") }
        let arguments = ["-s", "-o", "/dev/null", "--max-time", "5", "http://127.0.0.1:\(port)/"]
        return try await ProcessRunner.run(curl, arguments).code == 0
    }
}
