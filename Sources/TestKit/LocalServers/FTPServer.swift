internal import Foundation
package import Schema
internal import Storage

/// A real FTP server on this machine, which all tests of the process share, or one that goes wrong for a test of its
/// own.
package struct FTPServer: Sendable {
    /// Which server.
    package enum Kind: String, Sendable, CaseIterable {
        /// The one of many distributions, over TLS, with other connections only for those who go on with a session.
        case vsftpdOverTLS
        /// The same in the clear.
        case vsftpd
        /// One in Python, over TLS, with lists for machines.
        case pyftpdlib
        /// Another one over a folder.
        case rclone
    }

    package let port: Int
    package let user: String
    /// The user's password, where the server takes one.
    package let password: String
    /// The authority behind the server's certificate; nil where there is no TLS.
    package let authority: String?
    /// The word for how it is made secure.
    private let security: String
    /// The folder that rclone serves.
    private let data: String?

    private init(_ port: Int, isAnonymous: Bool = false, _ files: TLSFiles?, _ security: String, data: String? = nil) {
        (self.port, user, password) = (port, isAnonymous ? "" : "tester", isAnonymous ? "" : Self.secret)
        (authority, self.security, self.data) = (files?.authority, files == nil ? "none" : security, data)
    }

    private static let started = Locked<[Kind: Task<FTPServer, any Error>]>([:])
    private static let secret = "opensesame-4711"

    /// The running server of this kind; the test is cancelled, or fails, where its program is missing.
    ///
    /// The word of `IPFS_KIT_MUST_RUN` is `ftp`.
    package static func running(_ kind: Kind) async throws -> FTPServer {
        switch kind {
        case .vsftpd, .vsftpdOverTLS: try checkDaemon()
        case .pyftpdlib: try await checkPython()
        case .rclone: try Requirement.check("ftp", program: "rclone")
        }
        try Requirement.check("ftp", program: "openssl")
        let task = started.change { started in
            if let task = started[kind] { return task }
            let task = Task { try await start(kind) }
            started[kind] = task
            return task
        }
        return try await task.value
    }

    /// A server of this test's own that goes wrong as `modes` say, see `tools/servers/ftp_server.py`; it notes in the
    /// folder `memory` what it was told.
    package static func scripted(
        _ modes: [String],
        memory: String,
        isSecure: Bool = false,
        mostTLS: String = ""
    ) async throws -> FTPServer {
        try await checkPython()
        return try await startPython(modes, memory: memory, isSecure: isSecure, mostTLS: mostTLS)
    }

    /// rclone's server of this test's own, over TLS from the first byte on; it sends files and lists in the clear.
    package static func halfSecure() async throws -> FTPServer {
        try Requirement.check("ftp", program: "rclone")
        try Requirement.check("ftp", program: "openssl")
        return try await startRclone(isSecure: true)
    }

    /// A vsftpd of this test's own that speaks nothing newer than a version of TLS, and takes other connections only of
    /// those who go on with a session, or of anybody.
    package static func daemon(mostTLS: String, requiresReuse: Bool) async throws -> FTPServer {
        try checkDaemon()
        return try await startDaemon("explicit", mostTLS: mostTLS, requiresReuse: requiresReuse)
    }

    /// A vsftpd of this test's own, over TLS from the first byte on.
    package static func implicit() async throws -> FTPServer {
        try checkDaemon()
        return try await startDaemon("implicit")
    }

    /// A vsftpd of this test's own that takes no more than so many connections from one address.
    package static func daemon(most: Int) async throws -> FTPServer {
        try checkDaemon()
        return try await startDaemon("none", most: most)
    }

    private static func checkDaemon() throws {
        let isThere = FileManager.default.isExecutableFile(atPath: daemon)
        try Requirement.check("ftp", missing: isThere ? nil : "there is no vsftpd on this machine")
    }

    private static func checkPython() async throws {
        let python = Programs.python
        let asked = try await python.toRun(["-c", "import pyftpdlib, OpenSSL"])
        try Requirement.check("ftp", missing: asked ? nil : "there is no pyftpdlib on this machine")
    }

    /// An empty folder that the server serves, as this machine has it.
    package func newFolder() throws -> String {
        guard let data else {
            let folder = Scratch.current + "/" + UUID().uuidString
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            return folder
        }
        let number = Self.taken.change { taken in
            taken += 1
            return taken
        }
        guard number <= Self.folders else { throw ServerProblem(message: "All folders of rclone are taken.") }
        return "\(data)/\(number)"
    }

    /// How many folders there are for rclone to serve: it does not see those that are made while it runs.
    private static let folders = 2000
    private static let taken = Locked(0)

    /// The path of a folder of this machine as the server has it.
    package func path(of folder: String) -> String { data.map { String(folder.dropFirst($0.count)) } ?? folder }

    /// The settings of a backend in a folder of this machine.
    package func settings(for folder: String) -> [String: FieldValue] {
        var values: [String: FieldValue] = [
            "host": .text("127.0.0.1"), "port": .integer(Int64(port)), "path": .text(path(of: folder)),
            "tls": .text(security),
        ]
        if let authority { values["ca_file"] = .text(authority) }
        if !user.isEmpty { (values["user"], values["password"]) = (.text(user), .text(password)) }
        return values
    }

    /// The same as flags.
    package func flags(for folder: String) -> [String] {
        settings(for: folder).sorted { $0.key < $1.key }.flatMap { name, value in
            let flag = "--" + name.split(separator: "_").joined(separator: "-")
            return [flag, value.text]
        }
    }

    // MARK: Starting

    private static let daemon = "/usr/sbin/vsftpd"

    @concurrent
    private static func start(_ kind: Kind) async throws -> FTPServer {
        switch kind {
        case .vsftpd: try await startDaemon("none")
        case .vsftpdOverTLS: try await startDaemon("explicit")
        case .pyftpdlib: try await startPython([], memory: nil, isSecure: true, mostTLS: "")
        case .rclone: try await startRclone(isSecure: false)
        }
    }

    /// Starts vsftpd as whoever runs the tests, for nobody in particular: so the system is not asked who that is.
    private static func startDaemon(
        _ security: String,
        mostTLS: String = "",
        requiresReuse: Bool = true,
        most: Int = 0
    ) async throws -> FTPServer {
        let folder = try ServerProcess.newFolder("vsftpd")
        let port = try await Ports.free(1)[0]
        for name in ["root", "empty"] {
            let place = folder.appending(path: name).path
            // It serves nobody a root that can be written to.
            try FileManager.default.createDirectory(
                atPath: place,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o555]
            )
        }
        let files = security == "none" ? nil : try await TLSFiles.make(in: folder)
        let secure = files.map { files in
            """
            ssl_enable=YES
            implicit_ssl=\(security == "implicit" ? "YES" : "NO")
            allow_anon_ssl=YES
            force_anon_logins_ssl=YES
            force_anon_data_ssl=YES
            force_local_logins_ssl=NO
            force_local_data_ssl=NO
            require_ssl_reuse=\(requiresReuse ? "YES" : "NO")
            ssl_ciphers=HIGH
            rsa_cert_file=\(files.certificate)
            rsa_private_key_file=\(files.key)

            """
        }
        let text = """
            listen=YES
            listen_address=127.0.0.1
            listen_port=\(port)
            background=NO
            run_as_launching_user=YES
            anonymous_enable=YES
            local_enable=NO
            anon_root=\(folder.path)/root
            secure_chroot_dir=\(folder.path)/empty
            write_enable=YES
            anon_upload_enable=YES
            anon_mkdir_write_enable=YES
            anon_other_write_enable=YES
            anon_world_readable_only=NO
            anon_umask=022
            seccomp_sandbox=NO
            xferlog_enable=NO
            max_clients=0
            max_per_ip=\(most)
            \(secure ?? "")

            """
        let file = folder.appending(path: "vsftpd.conf")
        try text.write(to: file, atomically: true, encoding: .utf8)
        let library = folder.appending(path: "openssl.cnf")
        // The server has no word for it, but the library that it uses has.
        let limit = mostTLS.isEmpty ? "" : "MaxProtocol = TLSv\(mostTLS)"
        try "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n\(limit)\n".write(
            to: library,
            atomically: true,
            encoding: .utf8
        )
        let words = ["OPENSSL_CONF=\(library.path)", daemon, file.path]
        let server = try ServerProcess(URL(filePath: "/usr/bin/env"), words, folder: folder)
        // Over TLS from the first byte on, it is not the server that speaks first.
        try await server.wait { security == "implicit" ? try await Ports.takes(port) : try await Ports.greets(port) }
        return FTPServer(port, isAnonymous: true, files, security)
    }

    private static func startPython(
        _ modes: [String],
        memory: String?,
        isSecure: Bool,
        mostTLS: String
    ) async throws -> FTPServer {
        guard let python = Programs.python else { throw ServerProblem(message: "There is no python3 here.") }
        let folder = try ServerProcess.newFolder("pyftpdlib")
        let port = try await Ports.free(1)[0]
        let files = isSecure ? try await TLSFiles.make(in: folder) : nil
        var words = [
            packageRoot.appending(path: "tools/servers/ftp_server.py").path, "--port", "\(port)", "--user", "tester",
            "--password", secret, "--mode", modes.joined(separator: ","), "--most-tls", mostTLS,
        ]
        if let memory { words += ["--memory", memory] }
        if let files { words += ["--certificate", files.both] }
        let server = try ServerProcess(python, words, folder: folder)
        try await server.wait { try await Ports.greets(port) }
        return FTPServer(port, files, "explicit")
    }

    private static func startRclone(isSecure: Bool) async throws -> FTPServer {
        guard let program = Programs.find("rclone") else { throw ServerProblem(message: "There is no rclone here.") }
        let folder = try ServerProcess.newFolder("ftp-rclone")
        let data = folder.appending(path: "data").path
        for number in 1...folders {
            try FileManager.default.createDirectory(atPath: "\(data)/\(number)", withIntermediateDirectories: true)
        }
        let port = try await Ports.free(1)[0]
        let files = isSecure ? try await TLSFiles.make(in: folder) : nil
        let words =
            [
                "serve", "ftp", "--config", "/dev/null", "--addr", "127.0.0.1:\(port)", "--user", "tester", "--pass",
                secret,
                "--vfs-cache-mode", "writes", "--vfs-write-back", "0s", "--cache-dir",
                folder.appending(path: "cache").path, data,
            ] + (files.map { ["--cert", $0.certificate, "--key", $0.key] } ?? [])
        let server = try ServerProcess(program, words, folder: folder)
        // Over TLS it is not the server that speaks first.
        try await server.wait { isSecure ? try await Ports.takes(port) : try await Ports.greets(port) }
        return FTPServer(port, files, "implicit", data: data)
    }
}

extension URL? {
    /// Whether a program does something without complaint.
    fileprivate func toRun(_ words: [String]) async throws -> Bool {
        guard let self else { return false }
        return try await ProcessRunner.run(self, words).code == 0
    }
}
