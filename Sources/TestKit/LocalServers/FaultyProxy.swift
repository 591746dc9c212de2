internal import Foundation

/// A proxy before a real HTTP server that goes wrong as a script says, and writes down the requests.
package struct FaultyProxy: Sendable {
    /// One thing that goes wrong.
    package struct Rule: Sendable, Encodable {
        var method = "*"
        var path = ""
        var also = ""
        var without: String?
        var times = [1, 1 << 60]
        var effect: String
        var status: Int?
        var headers: [String: String]?
        var body: String?
        var bytes: Int?
        var field: String?

        /// Answers with this status by itself.
        package static func status(_ status: Int, _ headers: [String: String] = [:], body: String = "") -> Rule {
            Rule(effect: "status", status: status, headers: headers, body: body)
        }
        /// Passes so many bytes of the reply's body, then closes.
        package static func cut(_ bytes: Int) -> Rule { Rule(effect: "cut", bytes: bytes) }
        /// Passes the reply's body in pieces of so many bytes, ten a second.
        package static func trickle(_ bytes: Int) -> Rule { Rule(effect: "trickle", bytes: bytes) }
        /// Lets the server do its work, then closes without a reply.
        package static let drop = Rule(effect: "drop")
        /// Closes before the server is asked.
        package static let reset = Rule(effect: "reset")
        /// Never answers.
        package static let hang = Rule(effect: "hang")
        /// Waits before the server is asked, until the rule is taken away.
        package static let hold = Rule(effect: "hold")
        /// Passes so many bytes of the reply's body, then waits until the rule is taken away.
        package static func pause(_ bytes: Int) -> Rule { Rule(effect: "pause", bytes: bytes) }

        /// Passes so many bytes of the reply's body without having told its length, then closes.
        package static func unannounced(_ bytes: Int) -> Rule { Rule(effect: "unannounced", bytes: bytes) }
        /// Answers a request for a part with all that was uploaded under the name.
        package static let whole = Rule(effect: "whole")
        /// Answers a request for a part with another part.
        package static let shift = Rule(effect: "shift")
        /// Leaves a header field out of the reply.
        package static func strip(_ field: String) -> Rule { Rule(effect: "strip", field: field) }
        /// Leaves the lengths of files out of a list of WebDAV.
        package static let unmeasured = Rule(effect: "unmeasured")
        /// Answers an upload before its body came, and closes.
        package static let praise = Rule(effect: "praise")
        /// Takes an upload, keeps it from the server, and answers with the digests in it.
        package static let echo = Rule(effect: "echo")
        /// Changes the last byte of an upload.
        package static let alter = Rule(effect: "alter")
        /// Passes the first half of a reply as if that were all.
        package static let halve = Rule(effect: "halve")
        /// Passes a page of a list and says that there is a next one, each time under a new name.
        package static let again = Rule(effect: "again")
        /// Does the same with a page from which everything was taken.
        package static let hollow = Rule(effect: "hollow")
        /// Compresses the reply's body.
        package static let gzip = Rule(effect: "gzip")

        /// The rule for requests of this method whose target has `path` in it, at these times, counted from 1.
        package func on(_ method: String, path: String = "", times: ClosedRange<Int> = 1...(1 << 60)) -> Rule {
            var rule = self
            (rule.method, rule.path, rule.times) = (method, path, [times.lowerBound, times.upperBound])
            return rule
        }

        /// The same rule for targets that have `also` in them, and not `without`.
        package func and(_ also: String = "", without: String? = nil) -> Rule {
            var rule = self
            (rule.also, rule.without) = (also, without)
            return rule
        }
    }

    /// `http://127.0.0.1:` and a port.
    package let endpoint: String
    private let port: Int

    /// Starts a proxy before `endpoint`, an `http://host:port`; it runs until the test process ends.
    package static func start(before endpoint: String, _ rules: [Rule]) async throws -> FaultyProxy {
        try Requirement.check("proxy", program: "python3")
        guard let python = Programs.python else { throw ServerProblem(message: "There is no python3 here.") }
        let folder = try ServerProcess.newFolder("proxy")
        let file = folder.appending(path: "rules.json")
        try JSONEncoder().encode(rules).write(to: file)
        let script = packageRoot.appending(path: "tools/servers/faulty_proxy.py").path
        let upstream = endpoint.replacingOccurrences(of: "http://", with: "")
        let process = try ServerProcess(python, [script, upstream, file.path], folder: folder)
        let log = folder.appending(path: "log.txt")
        try await process.wait { Self.port(in: log) != nil }
        guard let port = port(in: log) else { throw ServerProblem(message: "The proxy told no port.") }
        return FaultyProxy(endpoint: "http://127.0.0.1:\(port)", port: port)
    }

    /// Puts rules before those that the proxy began with, in place of those that `key` had.
    package func set(_ rules: [Rule], for key: String) async throws {
        try await control(
            ["-X", "PUT", "--data-binary", String(decoding: try JSONEncoder().encode(rules), as: UTF8.self)],
            key
        )
    }

    /// Removes the rules of `key`.
    package func clear(_ key: String) async throws {
        try await control(["-X", "DELETE"], key)
    }

    private func control(_ arguments: [String], _ key: String) async throws {
        guard let curl = Programs.find("curl") else { throw ServerProblem(message: "There is no curl here.") }
        let result = try await ProcessRunner.run(curl, ["-s", "-f"] + arguments + ["\(endpoint)/-/rules/\(key)"])
        guard result.code == 0 else { throw ServerProblem(message: "The proxy took no rules: \(result.errorText)") }
    }

    /// All requests so far: `PUT /bucket/name?partNumber=1`.
    package func requests() async throws -> [String] {
        guard let curl = Programs.find("curl") else { throw ServerProblem(message: "There is no curl here.") }
        let result = try await ProcessRunner.run(curl, ["-s", "\(endpoint)/-/requests"])
        return try JSONDecoder().decode([String].self, from: result.output)
    }

    /// How many bytes of the bodies of requests came so far.
    package func bodyBytes() async throws -> UInt64 {
        guard let curl = Programs.find("curl") else { throw ServerProblem(message: "There is no curl here.") }
        let result = try await ProcessRunner.run(curl, ["-s", "\(endpoint)/-/bytes"])
        return try JSONDecoder().decode(UInt64.self, from: result.output)
    }

    /// How many requests of this method there were, whose line has this text.
    package func count(_ method: String, path: String = " ") async throws -> Int {
        try await requests().count { $0.hasPrefix(method + " ") && $0.contains(path) }
    }

    private static func port(in log: URL) -> Int? {
        let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        return text.contains("\n") ? Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) : nil
    }
}
