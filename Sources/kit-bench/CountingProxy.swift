internal import Foundation

/// A proxy that writes down the requests to a server.
///
/// It takes time: nothing is timed through it.
struct CountingProxy {
    /// Where it is, as `http://127.0.0.1:` and a port.
    let endpoint: String
    private let bench: Bench

    /// Runs `body` with a proxy before `server`.
    static func with<Value>(
        _ bench: Bench,
        before server: ObjectServer,
        _ body: (CountingProxy) throws -> Value
    ) throws -> Value {
        let rules = bench.memory.appending(path: "rules.json")
        try Data("[]".utf8).write(to: rules)
        let log = bench.memory.appending(path: "proxy.txt")
        let script = try Bench.packageRoot().appending(path: "tools/servers/faulty_proxy.py").path
        let address = server.endpoint.replacing("http://", with: "")
        let words = ["--default-signal", "timeout", "7200", try Bench.program("python3"), script, address, rules.path]
        let process = try bench.children.start("/usr/bin/env", words, environment: [:], output: log)
        defer { bench.children.stop(process) }
        for _ in 0..<600 {
            let text = try String(contentsOf: log, encoding: .utf8)
            if text.hasSuffix("\n"), let port = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) {
                return try body(CountingProxy(endpoint: "http://127.0.0.1:\(port)", bench: bench))
            }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw BenchProblem(.failed, "The proxy told no port.")
    }

    /// The requests so far.
    func counts() throws -> RequestCounts {
        let output = try bench.run(["curl", "-s", "\(endpoint)/-/requests"]).output
        let requests = try JSONDecoder().decode([String].self, from: Data(output.utf8))
        return RequestCounts(requests: requests)
    }
}

/// How many requests there were of which kind.
struct RequestCounts {
    let all: Int
    /// PUT and POST: what brings bytes.
    let uploads: Int
    /// Each method with its number, such as `HEAD 2`.
    let methods: String

    init(requests: [String]) {
        let names = requests.map { $0.prefix { $0 != " " } }
        let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
        all = requests.count
        uploads = (counts["PUT"] ?? 0) + (counts["POST"] ?? 0)
        methods = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}
