internal import Foundation

/// A daemon of aria2 on this machine, which runs until the test process ends.
package struct Aria2Server: Sendable {
    /// Where its JSON-RPC interface is.
    package let url: String
    private let secret: String

    /// Starts one; with `replacing`, it sees an empty folder in the place of that, as in a container.
    package static func start(secret: String, replacing folder: String? = nil) async throws -> Aria2Server {
        try Requirement.check("aria2", program: "aria2c")
        guard let program = Programs.find("aria2c") else { throw ServerProblem(message: "There is no aria2c here.") }
        let port = try await Ports.free(1)[0]
        let own = try ServerProcess.newFolder("aria2")
        let options = [
            "--no-conf", "--enable-rpc", "--rpc-listen-all=false", "--rpc-listen-port=\(port)",
            "--rpc-secret=\(secret)", "--dir=\(own.path)", "--enable-dht=false", "--enable-dht6=false",
            "--disable-ipv6=true",
        ]
        let process: ServerProcess
        if let folder {
            let script = "mount -t tmpfs none \"$0\" && exec \"$@\""
            let words = ["--mount", "sh", "-c", script, folder, program.path] + options
            guard let unshare = Programs.find("unshare"), getuid() == 0 else {
                try Requirement.check("aria2", missing: "nothing can be mounted for a test")
                throw ServerProblem(message: "Nothing can be mounted for a test.")
            }
            process = try ServerProcess(unshare, words, folder: own)
        } else {
            process = try ServerProcess(program, options, folder: own)
        }
        try await process.wait { try await Ports.answers(port) }
        return Aria2Server(url: "http://127.0.0.1:\(port)/jsonrpc", secret: secret)
    }

    /// Calls a method, with parameters as JSON, and gives what it returned.
    package func call(_ method: String, _ parameters: String = "") async throws -> String {
        guard let curl = Programs.find("curl") else { throw ServerProblem(message: "There is no curl here.") }
        let list = parameters.isEmpty ? "" : ", \(parameters)"
        let body = #"{"jsonrpc":"2.0","id":"t","method":"aria2.\#(method)","params":["token:\#(secret)"\#(list)]}"#
        let result = try await ProcessRunner.run(curl, ["-s", "--data-binary", body, url])
        guard let end = result.text.range(of: "\"result\":") else {
            throw ServerProblem(message: "aria2 refused \(method): \(result.text)")
        }
        return String(result.text[end.upperBound...].dropLast())
    }
}
