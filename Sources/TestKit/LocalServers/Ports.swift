internal import Foundation
internal import Storage

/// Ports of 127.0.0.1 and what answers there.
enum Ports {
    private static let given = Locked<Set<Int>>([])

    /// Ports that were free a moment ago, tried all at once so that they differ.
    ///
    /// None is given twice in a process: the server that was to have it may not listen yet. They are below those of
    /// which the system gives one to whoever connects to something (ip_local_port_range), so that no client takes them.
    static func free(_ count: Int) async throws -> [Int] {
        for _ in 0..<100 {
            let found = try await unused(count)
            let areNew = given.change { given in
                guard given.isDisjoint(with: found) else { return false }
                given.formUnion(found)
                return true
            }
            if areNew { return found }
        }
        throw ServerProblem(message: "The system gives the same ports again and again.")
    }

    private static func unused(_ count: Int) async throws -> [Int] {
        let script = """
            import random, socket
            held = []
            while len(held) < \(count):
                try:
                    held.append(socket.create_server(("127.0.0.1", random.randrange(10240, 32768))))
                except OSError:
                    pass
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

    /// Whether a server that speaks first says something at the port.
    static func greets(_ port: Int) async throws -> Bool { try await connects(port, "other.recv(1)") }

    /// Whether a server takes connections at the port.
    static func takes(_ port: Int) async throws -> Bool { try await connects(port, "True") }

    private static func connects(_ port: Int, _ condition: String) async throws -> Bool {
        let script = """
            import socket
            with socket.create_connection(("127.0.0.1", \(port)), 5) as other:
                raise SystemExit(0 if \(condition) else 1)
            """
        guard let python = Programs.python else { throw ServerProblem(message: "There is no python3 here.") }
        return try await ProcessRunner.run(python, ["-c", script]).code == 0
    }
}
