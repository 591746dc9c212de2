internal import Foundation
internal import Glibc
package import Schema
internal import Storage

/// A real SFTP server on this machine, started at the first use and shared by all tests of the process.
package struct SFTPServer: Sendable {
    /// Which server.
    package enum Kind: String, Sendable, CaseIterable {
        /// The one that most people have.
        case openSSH
        /// Another one over a folder, with a password besides.
        case rclone
    }

    package let kind: Kind
    package let port: Int
    package let user: String
    /// The user's password, where the server takes one.
    package let password: String
    /// A private key that the server takes.
    package let keyFile: String
    /// A file with the server's key.
    package let knownHosts: String
    /// The folder that rclone serves.
    private let data: String

    private static let started = Locked<[Kind: Task<SFTPServer, any Error>]>([:])
    private static let daemon = "/usr/sbin/sshd"

    /// The running server of this kind; the test is cancelled, or fails, where its program is missing.
    ///
    /// The word of `IPFS_KIT_MUST_RUN` is `sftp`.
    package static func running(_ kind: Kind) async throws -> SFTPServer {
        try Requirement.check("sftp", program: "ssh")
        switch kind {
        case .rclone: try Requirement.check("sftp", program: "rclone")
        case .openSSH:
            let isThere = FileManager.default.isExecutableFile(atPath: daemon)
            try Requirement.check("sftp", missing: isThere ? nil : "there is no sshd on this machine")
        }
        let task = started.change { started in
            if let task = started[kind] { return task }
            let task = Task { try await start(kind) }
            started[kind] = task
            return task
        }
        return try await task.value
    }

    /// OpenSSH's server, where its folders can be mounted; the test is cancelled, or fails, where they cannot.
    ///
    /// The word of `IPFS_KIT_MUST_RUN` is `sshfs`.
    package static func mountable() async throws -> SFTPServer {
        try Requirement.check("sshfs", program: "sshfs")
        try Requirement.check("sshfs", program: "fusermount3")
        let isThere = FileHandle(forUpdatingAtPath: "/dev/fuse") != nil
        try Requirement.check("sshfs", missing: isThere ? nil : "there is no /dev/fuse that can be opened")
        return try await running(.openSSH)
    }

    /// An empty folder that the server serves, as this machine has it.
    package func newFolder() throws -> String {
        guard kind == .rclone else {
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
    package func path(of folder: String) -> String {
        kind == .rclone ? String(folder.dropFirst(data.count)) : folder
    }

    /// The settings of a backend in a folder of this machine.
    package func settings(for folder: String) -> [String: FieldValue] {
        [
            "host": .text("127.0.0.1"), "port": .integer(Int64(port)), "user": .text(user),
            "path": .text(path(of: folder)), "key_file": .text(keyFile), "known_hosts": .text(knownHosts),
            "ssh_options": .list(Self.alone),
        ]
    }

    /// A new private key behind a passphrase that the server takes.
    package func addKey(passphrase: String) async throws -> String {
        guard let program = Programs.find("ssh-keygen") else { throw ServerProblem(message: "no ssh-keygen") }
        let file = Scratch.current + "/key"
        let made = try await ProcessRunner.run(program, ["-q", "-t", "ed25519", "-N", passphrase, "-f", file])
        guard made.code == 0 else { throw ServerProblem(message: "ssh-keygen: \(made.errorText)") }
        let keys = FileHandle(forWritingAtPath: (knownHosts as NSString).deletingLastPathComponent + "/authorized_keys")
        try keys?.seekToEnd()
        try keys?.write(contentsOf: try Data(contentsOf: URL(filePath: file + ".pub")))
        try keys?.close()
        return file
    }

    /// The settings of a backend that a script serves in the place of ssh, which goes wrong in some way.
    ///
    /// `memory` is the folder in which the script keeps what it has to remember.
    package static func settings(
        ofMode mode: String,
        memory: String,
        path: String
    ) throws -> [String: FieldValue] {
        [
            "host": .text("scripted"), "path": .text(path), "connections": .integer(1),
            "ssh_command": .list(try program(ofMode: mode, memory: memory)),
        ]
    }

    /// The words that start that script.
    package static func program(ofMode mode: String, memory: String) throws -> [String] {
        try Requirement.check("sftp", program: "python3")
        let server = "/usr/lib/openssh/sftp-server"
        let isThere = FileManager.default.isExecutableFile(atPath: server)
        try Requirement.check("sftp", missing: isThere ? nil : "there is no sftp-server on this machine")
        let script = packageRoot.appending(path: "tools/servers/sftp_pipe.py").path
        return [Programs.python?.path ?? "python3", script, mode, memory]
    }

    /// What keeps the configuration of whoever runs the tests out of them.
    package static let alone = ["IdentityAgent=none"]

    @concurrent
    private static func start(_ kind: Kind) async throws -> SFTPServer {
        let folder = try ServerProcess.newFolder("sftp-\(kind.rawValue)")
        for name in ["host", "user"] {
            guard let program = Programs.find("ssh-keygen") else { throw ServerProblem(message: "no ssh-keygen") }
            let file = folder.appending(path: name).path
            let made = try await ProcessRunner.run(program, ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file])
            guard made.code == 0 else { throw ServerProblem(message: "ssh-keygen: \(made.errorText)") }
        }
        let port = try await Ports.free(1)[0]
        let hostKey = try String(contentsOf: folder.appending(path: "host.pub"), encoding: .utf8)
        let userKey = try String(contentsOf: folder.appending(path: "user.pub"), encoding: .utf8)
        let known = folder.appending(path: "known_hosts")
        try "[127.0.0.1]:\(port) \(hostKey)".write(to: known, atomically: true, encoding: .utf8)
        try userKey.write(to: folder.appending(path: "authorized_keys"), atomically: true, encoding: .utf8)
        let data = folder.appending(path: "data").path
        for number in 1...folders where kind == .rclone {
            try FileManager.default.createDirectory(atPath: "\(data)/\(number)", withIntermediateDirectories: true)
        }
        let server =
            switch kind {
            case .openSSH: try startDaemon(folder, port)
            case .rclone: try startRclone(folder, port, data)
            }
        try await server.wait { try await greets(port) }
        return SFTPServer(
            kind: kind,
            port: port,
            user: kind == .rclone ? "tester" : NSUserName(),
            password: kind == .rclone ? secret : "",
            keyFile: folder.appending(path: "user").path,
            knownHosts: known.path,
            data: data
        )
    }

    private static let secret = "opensesame-4711"

    private static func startDaemon(_ folder: URL, _ port: Int) throws -> ServerProcess {
        let place = folder.path
        // Whoever drops privileges wants this folder, which the system makes where the service runs.
        if getuid() == 0 {
            try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        }
        let configuration = """
            ListenAddress 127.0.0.1
            Port \(port)
            HostKey \(place)/host
            PidFile none
            AuthorizedKeysFile \(place)/authorized_keys
            StrictModes no
            UsePAM \(getuid() == 0 ? "no" : "yes")
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            PermitRootLogin prohibit-password
            MaxStartups 1000
            Subsystem sftp internal-sftp

            """
        let file = folder.appending(path: "sshd_config")
        try configuration.write(to: file, atomically: true, encoding: .utf8)
        return try ServerProcess(URL(filePath: daemon), ["-D", "-e", "-f", file.path], folder: folder)
    }

    private static func startRclone(_ folder: URL, _ port: Int, _ data: String) throws -> ServerProcess {
        guard let program = Programs.find("rclone") else { throw ServerProblem(message: "There is no rclone here.") }
        let place = folder.path
        return try ServerProcess(
            program,
            [
                "serve", "sftp", "--config", "/dev/null", "--addr", "127.0.0.1:\(port)", "--user", "tester", "--pass",
                secret, "--key", place + "/host", "--authorized-keys", place + "/authorized_keys", "--vfs-cache-mode",
                "writes", "--vfs-write-back", "0s", "--dir-cache-time", "1h", "--cache-dir", place + "/cache", data,
            ],
            folder: folder
        )
    }

    /// Whether something that speaks SSH answers at the port.
    private static func greets(_ port: Int) async throws -> Bool {
        guard let program = Programs.find("ssh-keyscan") else { throw ServerProblem(message: "no ssh-keyscan") }
        let arguments = ["-T", "2", "-t", "ed25519", "-p", "\(port)", "127.0.0.1"]
        return try await ProcessRunner.run(program, arguments).text.contains("ssh-ed25519")
    }
}
