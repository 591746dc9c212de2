internal import Foundation

/// A server on this machine over a folder in memory, for one type of backend and for rclone; a new one for each run.
struct PlaceServer {
    /// What is measured, by the word for the type.
    enum Kind: String, Sendable, CaseIterable {
        case filesystem, ftp, sftp, sshfs, webdav, external, rclone

        /// How rclone calls what it is measured against.
        var remote: String {
            switch self {
            case .filesystem, .external, .rclone: "local"
            case .ftp: "ftp"
            case .sftp, .sshfs: "sftp"
            case .webdav: "webdav"
            }
        }

        /// Whether there is nothing but a folder of this machine, with no server before it.
        var isFolder: Bool { remote == "local" }
        /// Whether what lies in a folder has the key of a program for its name.
        var hasKeys: Bool { self == .external || self == .rclone }
    }

    private let kind: Kind
    private let bench: Bench
    /// What the server keeps of itself.
    private let folder: URL
    /// The files.
    private let data: URL
    private let port: String
    private let process: Process?

    private static let user = "tester"

    /// Runs `body` with a new server, which is stopped and forgotten whatever happens.
    static func with<Value>(_ kind: Kind, _ bench: Bench, _ body: (PlaceServer) throws -> Value) throws -> Value {
        let server = try PlaceServer(kind, bench)
        defer {
            if let process = server.process { bench.children.stop(process) }
            bench.remove(server.folder)
        }
        return try body(server)
    }

    private init(_ kind: Kind, _ bench: Bench) throws {
        let folder = bench.memory.appending(path: "place-\(UUID().uuidString)")
        let data = folder.appending(path: "data")
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        (self.kind, self.bench, self.folder, self.data) = (kind, bench, folder, data)
        guard !kind.isFolder else {
            (port, process) = ("", nil)
            return
        }
        let port = try bench.freePort()
        self.port = port
        let words =
            switch kind {
            case .filesystem, .external, .rclone, .webdav:
                [
                    try Bench.program("rclone"), "serve", "webdav", "--config", "/dev/null", "--addr",
                    "127.0.0.1:\(port)", "--user", Self.user, "--pass", ObjectServer.secret, "--vfs-cache-mode",
                    "writes", "--vfs-write-back", "0s", "--cache-dir", folder.appending(path: "cache").path, data.path,
                ]
            case .ftp: try Self.vsftpd(folder, port)
            case .sftp, .sshfs: try Self.daemon(bench, folder, port)
            }
        process = try bench.children.start(
            "/usr/bin/env",
            ["--default-signal", "timeout", "--kill-after=5", "7200"] + words,
            environment: [:],
            output: folder.appending(path: "log.txt")
        )
        // Whoever speaks first or not, a connection that is taken shows that somebody is there.
        _ = try bench.run(["python3", "-c", Self.wait, port])
        guard [.sftp, .sshfs].contains(kind) else { return }
        let host = try String(contentsOf: folder.appending(path: "host.pub"), encoding: .utf8)
        try "[127.0.0.1]:\(port) \(host)".write(to: known, atomically: true, encoding: .utf8)
    }

    private static let wait = """
        import socket, sys, time
        end = time.time() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5).close()
                break
            except OSError:
                if time.time() > end: raise
                time.sleep(0.05)
        """

    /// The words that start vsftpd in the clear, for nobody in particular.
    private static func vsftpd(_ folder: URL, _ port: String) throws -> [String] {
        let place = folder.path
        for name in ["root", "empty"] {
            try FileManager.default.createDirectory(
                atPath: "\(place)/\(name)",
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o555]
            )
        }
        let configuration = """
            listen=YES
            listen_address=127.0.0.1
            listen_port=\(port)
            background=NO
            run_as_launching_user=YES
            anonymous_enable=YES
            local_enable=NO
            anon_root=\(place)/root
            secure_chroot_dir=\(place)/empty
            write_enable=YES
            anon_upload_enable=YES
            anon_mkdir_write_enable=YES
            anon_other_write_enable=YES
            anon_world_readable_only=NO
            anon_umask=022
            seccomp_sandbox=NO

            """
        let file = folder.appending(path: "vsftpd.conf")
        try configuration.write(to: file, atomically: true, encoding: .utf8)
        return ["/usr/sbin/vsftpd", file.path]
    }

    /// The words that start OpenSSH's server, whose keys are made in a folder.
    private static func daemon(_ bench: Bench, _ folder: URL, _ port: String) throws -> [String] {
        for name in ["host", "user"] {
            let file = folder.appending(path: name).path
            _ = try bench.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file])
        }
        try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        let place = folder.path
        let configuration = """
            ListenAddress 127.0.0.1
            Port \(port)
            HostKey \(place)/host
            PidFile none
            AuthorizedKeysFile \(place)/user.pub
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            MaxStartups 100
            Subsystem sftp internal-sftp

            """
        let file = folder.appending(path: "sshd_config")
        try configuration.write(to: file, atomically: true, encoding: .utf8)
        return ["/usr/sbin/sshd", "-D", "-e", "-f", file.path]
    }

    private var known: URL { folder.appending(path: "known_hosts") }

    /// Configures it as the backend `place` of a home.
    func configure(_ home: URL) throws {
        let words: [String] =
            switch kind {
            case .filesystem: ["--path", data.path]
            case .external: ["--program", try program().path, "--program-options", "directory=\(data.path)"]
            case .rclone: ["--program", try Bench.program("rclone"), "--remote", ":local:\(data.path)"]
            case .ftp: ["--host", "127.0.0.1", "--port", port, "--tls", "none", "--path", data.path]
            case .sftp, .sshfs:
                [
                    "--host", "127.0.0.1", "--port", port, "--user", NSUserName(), "--path", data.path, "--key-file",
                    folder.appending(path: "user").path, "--known-hosts", known.path, "--ssh-options",
                    "IdentityAgent=none",
                ]
            case .webdav:
                [
                    "--url", "http://127.0.0.1:\(port)", "--user", Self.user, "--password", "${KIT_BENCH_SECRET}",
                ]
            }
        _ = try bench.runKit(["backend", "create", "place", kind.rawValue] + words, home: home)
    }

    /// The program of the page about external backends, in a file that can be started.
    private func program() throws -> URL {
        let page = try Bench.packageRoot().appending(path: "docs/external-backends.md")
        let parts = try String(contentsOf: page, encoding: .utf8).split(
            separator: "```",
            omittingEmptySubsequences: false
        )
        guard let code = parts.first(where: { $0.hasPrefix("python\n") }) else {
            throw BenchProblem(.failed, "There is no program in Python on \(page.path).")
        }
        let file = folder.appending(path: "folder.py")
        try code.dropFirst("python\n".count).write(to: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
        return file
    }

    /// Copies the files of a folder there with rclone, or all files from there to a folder.
    func copy(_ folder: URL, up: Bool) throws -> Outcome {
        let remote: [String: String] =
            switch kind {
            case .filesystem, .external, .rclone: [:]
            case .ftp: ["HOST": "127.0.0.1", "PORT": port, "USER": "anonymous"]
            case .sftp, .sshfs:
                [
                    "HOST": "127.0.0.1", "PORT": port, "USER": NSUserName(),
                    "KEY_FILE": self.folder.appending(path: "user").path, "KNOWN_HOSTS_FILE": known.path,
                ]
            case .webdav: ["URL": "http://127.0.0.1:\(port)", "USER": Self.user]
            }
        var environment = ["RCLONE_CONFIG_PEER_TYPE": kind.remote]
        for (name, value) in remote { environment["RCLONE_CONFIG_PEER_\(name)"] = value }
        let rclone = try Bench.program("rclone")
        if [.ftp, .webdav].contains(kind) {
            let words = [rclone, "obscure", ObjectServer.secret]
            environment["RCLONE_CONFIG_PEER_PASS"] =
                try bench.run(words).output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let there = kind == .webdav ? "peer:cars" : kind.hasKeys ? "peer:\(data.path)" : "peer:\(data.path)/cars"
        let ends = up ? [folder.path, there] : [there, folder.path]
        let chosen = kind.hasKeys ? ["--include", "XIPFSKIT--cars~*"] : []
        let words = [rclone, "--config", "/dev/null", "copy"] + ends + chosen + ["--transfers", "16"]
        return try bench.run(words, environment: environment)
    }
}

extension Bench {
    /// A port of this machine that nobody has now.
    func freePort() throws -> String {
        let look = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
        return try run(["python3", "-c", look]).output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
