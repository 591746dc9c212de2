internal import Foundation
internal import Glibc
internal import Storage

/// A real WebDAV server on this machine, started at the first use and shared by all tests of the process.
package struct WebDAVServer: Sendable {
    /// Which server.
    package enum Kind: String, Sendable, CaseIterable {
        /// Go's WebDAV over a folder.
        case rclone
        /// Python's, which says how much room there is.
        case wsgidav
        /// mod_dav, which is asked for digests.
        case apache
        /// The simulator of Nextcloud: `tools/simulators/nextcloud` says what it is held to.
        case nextcloud

        fileprivate var program: String {
            switch self {
            case .rclone, .wsgidav: rawValue
            case .apache: "apache2"
            case .nextcloud: "python3"
            }
        }
    }

    package let kind: Kind
    /// `http://127.0.0.1:` and a port.
    package let endpoint: String
    package let user = "tester"
    package let password = "opensesame-4711"
    /// The folder of the server, where the files of that are, as its disk has it.
    package let data: String

    /// The path below the endpoint where files are, with a slash at its end.
    private var root: String { kind == .nextcloud ? "remote.php/dav/files/\(user)/" : "" }

    private static let started = Locked<[Kind: Task<WebDAVServer, any Error>]>([:])
    private static let proxies = Locked<[Kind: Task<FaultyProxy, any Error>]>([:])

    /// The running server of this kind; the test is cancelled, or fails, where its program is missing.
    ///
    /// The word of `IPFS_KIT_MUST_RUN` is `webdav`.
    package static func running(_ kind: Kind) async throws -> WebDAVServer {
        let program = programs(kind)
        try Requirement.check("webdav", missing: program == nil ? "there is no \(kind.program) on this machine" : nil)
        let task = started.change { started in
            if let task = started[kind] { return task }
            let task = Task { try await start(kind) }
            started[kind] = task
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

    /// Makes an empty folder and gives its name.
    package func newFolder() async throws -> String {
        let name = "kept-\(UUID().uuidString)"
        let status = try await send("MKCOL", "\(name)/")
        guard status == 201 else { throw ServerProblem(message: "\(kind) made no folder: \(status)") }
        return name
    }

    /// Sends a request through curl, about an escaped path, and gives the status of its reply.
    @discardableResult
    package func send(
        _ method: String,
        _ path: String,
        _ fields: [String] = [],
        body: String? = nil
    ) async throws -> Int {
        guard let curl = Programs.find("curl") else { throw ServerProblem(message: "There is no curl here.") }
        var words = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--anyauth", "-u", "\(user):\(password)"]
        words += ["-X", method, "--path-as-is"] + fields.flatMap { ["-H", $0] }
        if let body { words += ["--data-binary", body] }
        let result = try await ProcessRunner.run(curl, words + [url(path)])
        return Int(result.text) ?? 0
    }

    /// The URL of an escaped path below the files, at the server itself or at a proxy before it.
    package func url(_ path: String, at endpoint: String? = nil) -> String {
        "\(endpoint ?? self.endpoint)/\(root)\(path)"
    }

    /// The settings by which a backend shows who it is, as flags.
    package var flags: [String] {
        ["--user", user, "--password", password, "--auth", kind == .apache ? "digest" : "auto"]
    }

    private static func programs(_ kind: Kind) -> URL? {
        if kind == .nextcloud { return Programs.python }
        if let found = Programs.find(kind.program) { return found }
        let usual = "/usr/sbin/\(kind.program)"
        return FileManager.default.isExecutableFile(atPath: usual) ? URL(filePath: usual) : nil
    }

    @concurrent
    private static func start(_ kind: Kind) async throws -> WebDAVServer {
        guard let program = programs(kind) else { throw ServerProblem(message: "There is no \(kind.program) here.") }
        let folder = try ServerProcess.newFolder("webdav-\(kind.rawValue)")
        let data = folder.appending(path: kind == .nextcloud ? "files" : "data")
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        let port = try await Ports.free(1)[0]
        let made = WebDAVServer(kind: kind, endpoint: "http://127.0.0.1:\(port)", data: data.path)
        let words =
            switch kind {
            case .rclone:
                [
                    "serve", "webdav", "--config", "/dev/null", "--addr", "127.0.0.1:\(port)", "--user", made.user,
                    "--pass", made.password, "--cache-dir", folder.appending(path: "cache").path, data.path,
                ]
            case .nextcloud:
                [
                    packageRoot.appending(path: "tools/simulators/nextcloud/server.py").path, "--root",
                    folder.path, "--user", "\(made.user):\(made.password)", "--port", "\(port)",
                ]
            case .wsgidav: ["--config", try made.writeForPython(folder, port)]
            case .apache: ["-f", try await made.writeForApache(folder, port), "-DFOREGROUND"]
            }
        let server = try ServerProcess(program, words, folder: folder)
        try await server.wait { try await Ports.answers(port) }
        return made
    }

    private func writeForPython(_ folder: URL, _ port: Int) throws -> String {
        let text = """
            host: 127.0.0.1
            port: \(port)
            provider_mapping: {"/": "\(folder.path)/data"}
            http_authenticator: {accept_basic: true, accept_digest: true, default_to_digest: false}
            simple_dc: {user_mapping: {"*": {"\(user)": {password: "\(password)"}}}}
            property_manager: null
            lock_storage: true
            server_args: {numthreads: 32, request_queue_size: 256}
            verbose: 1

            """
        let file = folder.appending(path: "wsgidav.yaml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    private func writeForApache(_ folder: URL, _ port: Int) async throws -> String {
        let place = folder.path
        for name in ["lock", "run"] {
            try FileManager.default.createDirectory(atPath: "\(place)/\(name)", withIntermediateDirectories: true)
        }
        let secret = try await ProcessRunner.run(
            Programs.find("openssl") ?? URL(filePath: "/usr/bin/openssl"),
            ["dgst", "-md5", "-r"],
            input: Data("\(user):lab:\(password)".utf8)
        )
        let line = "\(user):lab:\(secret.text.prefix(32))\n"
        try line.write(toFile: "\(place)/users", atomically: true, encoding: .utf8)
        let modules = [
            "mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_digest", "dav", "dav_fs", "dir",
            "mime",
        ]
        let text = """
            ServerRoot \(place)
            ServerName 127.0.0.1
            Listen 127.0.0.1:\(port)
            PidFile \(place)/run/pid
            Mutex file:\(place)/lock default
            DefaultRuntimeDir \(place)/lock
            ErrorLog \(place)/error.log
            \(modules.map { "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so" }.joined(separator: "\n"))
            \(getuid() == 0 ? "User nobody\nGroup nogroup" : "")
            TypesConfig /etc/mime.types
            LimitXMLRequestBody 0
            DavLockDB \(place)/lock/DavLock
            DocumentRoot \(place)/data
            <Directory \(place)/data>
            Dav On
            AuthType Digest
            AuthName lab
            AuthUserFile \(place)/users
            AuthDigestNonceLifetime 5
            Require valid-user
            </Directory>

            """
        let file = "\(place)/httpd.conf"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        if getuid() == 0 {
            let words = ["-R", "nobody:nogroup", place]
            _ = try await ProcessRunner.run(URL(filePath: "/usr/bin/chown"), words)
        }
        return file
    }
}
