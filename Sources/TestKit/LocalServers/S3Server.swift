internal import Foundation
internal import Storage

/// A real S3 server on this machine, started at the first use and shared by all tests of the process.
package struct S3Server: Sendable {
    /// Which server.
    package enum Kind: String, Sendable, CaseIterable {
        /// Much like Amazon's, its state in memory.
        case moto
        /// A weak one over a folder.
        case rclone
        /// Ceph's gateway, the strictest.
        case radosgw
        /// One over volumes of its own, which compares checksums.
        case seaweedfs

        /// The word of `IPFS_KIT_MUST_RUN` for it.
        fileprivate var word: String {
            switch self {
            case .moto, .rclone: "s3"
            case .radosgw, .seaweedfs: rawValue
            }
        }

        fileprivate var program: String {
            switch self {
            case .moto: "moto_server"
            case .rclone: "rclone"
            case .radosgw: "radosgw"
            case .seaweedfs: "weed"
            }
        }
    }

    /// What a bucket keeps.
    package enum BucketForm: String, Sendable {
        /// What was stored last.
        case plain
        /// Everything that was ever stored.
        case versioned
        /// The same, and some of it locked.
        case locked
    }

    package let kind: Kind
    /// `http://127.0.0.1:` and a port.
    package let endpoint: String
    package let region = "us-east-1"
    package let accessKeyID: String
    package let secretAccessKey: String
    private let folder: URL

    private static let shared = Locked<[String: Task<String, any Error>]>([:])
    private static let proxies = Locked<[Kind: Task<FaultyProxy, any Error>]>([:])
    private static let started = Locked<[Kind: Task<S3Server, any Error>]>([:])

    /// The running server of this kind; the test is cancelled, or fails, where its program is missing.
    ///
    /// The words of `IPFS_KIT_MUST_RUN` are `s3` for moto and rclone, `radosgw` and `seaweedfs`.
    package static func running(_ kind: Kind) async throws -> S3Server {
        try Requirement.check(kind.word, program: kind.program)
        let task = started.change { started in
            if let task = started[kind] { return task }
            let task = Task { try await start(kind) }
            started[kind] = task
            return task
        }
        return try await task.value
    }

    /// A bucket that all tests of the process share, each under names of its own; making one takes a second.
    package func sharedBucket(_ form: BucketForm = .plain) async throws -> String {
        let task = Self.shared.change { shared in
            if let task = shared["\(kind) \(form)"] { return task }
            let task = Task { try await newBucket(form) }
            shared["\(kind) \(form)"] = task
            return task
        }
        return try await task.value
    }

    /// A proxy before the server that all tests of the process share, each with rules of its own.
    package func sharedProxy() async throws -> FaultyProxy {
        let task = Self.proxies.change { proxies in
            if let task = proxies[kind] { return task }
            let task = Task { try await FaultyProxy.start(before: endpoint, []) }
            proxies[kind] = task
            return task
        }
        return try await task.value
    }

    /// Makes an empty bucket and gives its name.
    package func newBucket(_ form: BucketForm = .plain) async throws -> String {
        let name = "test-\(UUID().uuidString.lowercased().prefix(18))"
        if kind == .rclone {
            let bucket = folder.appending(path: "data/\(name)")
            try FileManager.default.createDirectory(at: bucket, withIntermediateDirectories: true)
            return name
        }
        _ = try await Self.admin(["bucket", endpoint, accessKeyID, secretAccessKey, name, form.rawValue])
        return name
    }

    /// Keys of somebody else, who may only read, list and add: of moto, whose buckets ask what a key may do.
    package func keysThatOnlyAdd() async throws -> S3Server {
        let words = try await Self.admin(["adder", endpoint, accessKeyID, secretAccessKey])
            .split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count == 2 else { throw ServerProblem(message: "moto gave no keys.") }
        return S3Server(
            kind: kind,
            endpoint: endpoint,
            accessKeyID: words[0],
            secretAccessKey: words[1],
            folder: folder
        )
    }

    /// Stores a byte under each of these keys, through Amazon's own client, and says how many the server took.
    package func store(_ keys: [String], in bucket: String) async throws -> Int {
        let printed = try await Self.admin(["store", endpoint, accessKeyID, secretAccessKey, bucket] + keys)
        return Int(printed.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    /// Begins an upload in parts and leaves it.
    package func begin(_ key: String, in bucket: String) async throws {
        _ = try await Self.admin(["begin", endpoint, accessKeyID, secretAccessKey, bucket, key])
    }

    /// How many uploads of a key were begun and not ended.
    package func pending(_ key: String, in bucket: String) async throws -> Int {
        let printed = try await Self.admin(["pending", endpoint, accessKeyID, secretAccessKey, bucket, key])
        return Int(printed.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
    }

    @concurrent
    private static func start(_ kind: Kind) async throws -> S3Server {
        let folder = try ServerProcess.newFolder(kind.rawValue)
        guard let program = Programs.find(kind.program) else {
            throw ServerProblem(message: "There is no \(kind.program) here.")
        }
        switch kind {
        case .moto: return try await startMoto(folder)
        case .rclone: return try await startRclone(program, folder)
        case .radosgw: return try await startGateway(folder)
        case .seaweedfs: return try await startSeaweed(program, folder)
        }
    }

    private static func startMoto(_ folder: URL) async throws -> S3Server {
        guard let python = Programs.python else { throw ServerProblem(message: "There is no python3 here.") }
        let port = try await Ports.free(1)[0]
        let script = packageRoot.appending(path: "tools/servers/moto_server.py").path
        let server = try ServerProcess(python, [script, "-H", "127.0.0.1", "-p", "\(port)"], folder: folder)
        try await server.wait { try await Ports.answers(port) }
        let endpoint = "http://127.0.0.1:\(port)"
        let keys = try await admin(["moto", endpoint]).split(whereSeparator: \.isWhitespace).map(String.init)
        guard keys.count == 2 else { throw ServerProblem(message: "moto gave no keys.") }
        return S3Server(
            kind: .moto,
            endpoint: endpoint,
            accessKeyID: keys[0],
            secretAccessKey: keys[1],
            folder: folder
        )
    }

    private static func startRclone(_ program: URL, _ folder: URL) async throws -> S3Server {
        let port = try await Ports.free(1)[0]
        let data = folder.appending(path: "data")
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        let (key, secret) = ("AKIDTEST", "SECRETTEST")
        let server = try ServerProcess(
            program,
            [
                "serve", "s3", "--config", "/dev/null", "--addr", "127.0.0.1:\(port)", "--auth-key", "\(key),\(secret)",
                "--vfs-cache-mode", "full", "--cache-dir", folder.appending(path: "cache").path, "--dir-cache-time",
                "1s", "--vfs-write-back", "0s", data.path,
            ],
            folder: folder
        )
        try await server.wait { try await Ports.answers(port) }
        return S3Server(
            kind: .rclone,
            endpoint: "http://127.0.0.1:\(port)",
            accessKeyID: key,
            secretAccessKey: secret,
            folder: folder
        )
    }

    private static func startGateway(_ parent: URL) async throws -> S3Server {
        try await withOtherPorts(parent) { folder in
            let ports = try await Ports.free(3)
            let (key, secret) = ("CEPHTESTKEY", "CEPHTESTSECRETCEPHTESTSECRET")
            // The daemons look for places of their own from here on.
            let first = Int.random(in: 200...300) * 100
            let script = packageRoot.appending(path: "tools/servers/radosgw.sh")
            let words = [folder.path] + (ports + [first]).map { "\($0)" } + [key, secret]
            let server = try ServerProcess(script, words, folder: folder)
            let ready = folder.appending(path: "ready").path
            // Alone it takes 13 s; its daemons sync what they write, and wait for whatever else uses the disk.
            try await server.wait(within: .seconds(180)) { FileManager.default.fileExists(atPath: ready) }
            let made = S3Server(
                kind: .radosgw,
                endpoint: "http://127.0.0.1:\(ports[0])",
                accessKeyID: key,
                secretAccessKey: secret,
                folder: folder
            )
            // Another server may have taken its port while it started, and answers in its place.
            try await server.wait(within: .seconds(30)) { (try? await made.newBucket()) != nil }
            return made
        }
    }

    private static func startSeaweed(_ program: URL, _ parent: URL) async throws -> S3Server {
        try await withOtherPorts(parent) { folder in
            let (key, secret) = ("WEEDTESTKEY", "WEEDTESTSECRET")
            let ports = try await Ports.free(8)
            let words = [program.path, folder.path, "\(ports[0])", key, secret] + ports.dropFirst().map { "\($0)" }
            let script = packageRoot.appending(path: "tools/servers/seaweedfs.sh")
            let server = try ServerProcess(script, words, folder: folder)
            let made = S3Server(
                kind: .seaweedfs,
                endpoint: "http://127.0.0.1:\(ports[0])",
                accessKeyID: key,
                secretAccessKey: secret,
                folder: folder
            )
            try await server.wait { try await Ports.answers(ports[0]) }
            // It answers before it has read its keys.
            try await server.wait(within: .seconds(20)) { (try? await made.newBucket()) != nil }
            return made
        }
    }

    /// Starts a server of many ports, up to three times, each in a folder of its own.
    ///
    /// One of its ports may be another program's before it comes to it, such as that of another SeaweedFS, which
    /// answers and knows no key of ours.
    private static func withOtherPorts(
        _ parent: URL,
        _ start: (URL) async throws -> S3Server
    ) async throws -> S3Server {
        var problems: [String] = []
        for number in 1...3 {
            let folder = parent.appending(path: "\(number)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            do { return try await start(folder) } catch { problems.append("\(error)") }
        }
        throw ServerProblem(message: problems.joined(separator: "\n"))
    }

    /// Runs the script that prepares servers, and gives back what it printed.
    private static func admin(_ arguments: [String]) async throws -> String {
        guard let python = Programs.python else { throw ServerProblem(message: "There is no python3 here.") }
        let script = packageRoot.appending(path: "tools/servers/s3_admin.py").path
        let result = try await ProcessRunner.run(python, [script] + arguments)
        guard result.code == 0 else { throw ServerProblem(message: "\(arguments[0]) failed: \(result.errorText)") }
        return result.text
    }
}
