internal import Foundation

/// An S3 server over a folder in memory that checks signatures, with one empty bucket; a new one for each run.
struct ObjectServer {
    static let key = "kit-bench"
    static let secret = "a-secret-of-this-machine"
    static let bucket = "bucket"

    /// Where it is, as `http://127.0.0.1:` and a port.
    let endpoint: String
    private let bench: Bench
    private let folder: URL
    private let process: Process

    /// Runs `body` with a new server, which is stopped and forgotten whatever happens.
    static func with<Value>(_ bench: Bench, _ body: (ObjectServer) throws -> Value) throws -> Value {
        let server = try ObjectServer(bench)
        defer {
            bench.children.stop(server.process)
            bench.remove(server.folder)
        }
        try server.waitUntilItAnswers()
        return try body(server)
    }

    private init(_ bench: Bench) throws {
        let folder = bench.memory.appending(path: "server-\(UUID().uuidString)")
        let data = folder.appending(path: "data")
        try FileManager.default.createDirectory(
            at: data.appending(path: Self.bucket),
            withIntermediateDirectories: true
        )
        let port = try bench.freePort()
        // Nobody's server stays behind for ever, not even after a SIGKILL of this process.
        process = try bench.children.start(
            "/usr/bin/env",
            [
                "--default-signal", "timeout", "--kill-after=5", "7200", Bench.program("rclone"), "serve", "s3",
                "--config", "/dev/null", "--addr", "127.0.0.1:\(port)", "--auth-key", "\(Self.key),\(Self.secret)",
                "--vfs-cache-mode", "full", "--cache-dir", folder.appending(path: "cache").path, "--dir-cache-time",
                "1s", "--vfs-write-back", "0s", data.path,
            ],
            environment: [:],
            output: folder.appending(path: "log.txt")
        )
        (self.bench, self.folder) = (bench, folder)
        endpoint = "http://127.0.0.1:\(port)"
    }

    private func waitUntilItAnswers() throws {
        _ = try bench.run(
            ["curl", "-s", "-o", "/dev/null", "--retry", "100", "--retry-delay", "1"]
                + ["--retry-connrefused", "--retry-max-time", "60", endpoint]
        )
    }

    /// Configures the bucket as the backend `bucket` of a home; `endpoint` may be a proxy's.
    func configure(_ home: URL, endpoint: String? = nil) throws {
        _ = try bench.runKit(
            [
                "backend", "create", "bucket", "s3", "--endpoint", endpoint ?? self.endpoint, "--bucket", Self.bucket,
                "--access-key-id", Self.key, "--secret-access-key", "${KIT_BENCH_SECRET}",
            ],
            home: home
        )
    }

    /// Runs rclone, whose remote `peer:` is the server, or a proxy before it.
    func runRclone(_ words: [String], endpoint: String? = nil) throws -> Outcome {
        let remote = [
            "TYPE": "s3", "PROVIDER": "Rclone", "ENDPOINT": endpoint ?? self.endpoint, "ACCESS_KEY_ID": Self.key,
            "SECRET_ACCESS_KEY": Self.secret, "FORCE_PATH_STYLE": "true", "NO_CHECK_BUCKET": "true",
        ]
        let environment = Dictionary(uniqueKeysWithValues: remote.map { ("RCLONE_CONFIG_PEER_\($0)", $1) })
        return try bench.run([Bench.program("rclone"), "--config", "/dev/null"] + words, environment: environment)
    }

    /// How many bytes are in the bucket, in MiB.
    func mebibytes() throws -> Double {
        struct Size: Decodable { let bytes: Double }
        let output = try runRclone(["size", "--json", "peer:\(Self.bucket)"]).output
        return try JSONDecoder().decode(Size.self, from: Data(output.utf8)).bytes / 1_048_576
    }
}
