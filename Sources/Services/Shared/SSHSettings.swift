internal import POSIX
package import SFTPClient
package import Schema
internal import Storage

/// How a server is reached by SSH, and as whom: settings that all such types have.
package struct SSHSettings: Described {
    package var login = SSHLogin()

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "host",
            \.login.host,
            help: "The server, or the name that it has in ~/.ssh/config.",
            required: true,
            aliases: ["hostname"]
        ),
        Field(
            "port",
            \.login.port,
            help: "The port; 22, or what ssh's configuration says, where it is left out.",
            least: 0
        ),
        Field(
            "user",
            \.login.user,
            help: "The user there; what ssh's configuration says where it is left out.",
            aliases: ["username"]
        ),
        Field(
            "known_hosts",
            \.login.knownHosts,
            help: "A file with the server's key, in place of ~/.ssh/known_hosts; an absolute path.",
            as: .path
        ),
        Field(
            "ssh_options",
            \.login.options,
            help: "Options for ssh, each as in its configuration: Compression=no, ProxyJump=gate.",
            as: .program,
            aliases: ["options"]
        ),
        Field(
            "ssh_command",
            \.login.program,
            help: "The program to start in place of ssh, and words that stand before all others.",
            as: .program
        ),
        Field(
            "key_file",
            \.login.keyFile,
            help: "The private key to use, and no other; an absolute path. The agent's where it is left out.",
            as: .path,
            section: .credentials,
            aliases: ["key_path", "private_key_path"]
        ),
        Field(
            "password",
            \.login.password,
            help: "The password of the user; keys are better.",
            secret: true,
            section: .credentials
        ),
        Field(
            "passphrase",
            \.login.passphrase,
            help: "What opens the private key, where no agent holds it.",
            secret: true,
            section: .credentials
        ),
    ]

    /// Throws `badSettings` where something can never be what ssh takes.
    func check() throws(StorageError) {
        for (name, value) in [("host", login.host), ("user", login.user)] where !SSHLogin.isName(value) {
            throw StorageError(.badSettings, "connection.\(name) is no name that ssh takes.")
        }
        let files = [("connection.known_hosts", login.knownHosts), ("credentials.key_file", login.keyFile)]
        for (name, path) in files where !path.isEmpty && !SSHLogin.isPath(path) {
            throw StorageError(.badSettings, "\(name) must be an absolute path without quotes, $ and \\.")
        }
        guard login.port <= 65_535 else { throw StorageError(.badSettings, "connection.port is no port.") }
        guard login.program.first != "" else {
            throw StorageError(.badSettings, "connection.ssh_command names no program.")
        }
    }

    /// The server, or its name in ssh's configuration.
    var host: String { login.host }

    /// The user, the server and the port, as far as they are set.
    var target: String {
        (login.user.isEmpty ? "" : login.user + "@") + login.host + (login.port > 0 ? ":\(login.port)" : "")
    }

    /// Where a folder there is.
    ///
    /// A name that ssh's configuration gives to another server is not followed: nothing is asked to find the place.
    func place(of folder: String) -> ServicePlace {
        let server = "\(login.host.lowercased()):\(login.port > 0 ? login.port : 22)"
        return ServicePlace(
            [server, login.user, folder],
            account: login.user.isEmpty ? "" : "\(login.user)@\(server)"
        )
    }

    /// Sees to it that what is secret is told nobody.
    func learn() {
        for secret in [login.password, login.passphrase] where !secret.isEmpty { Redactor.shared.learn(secret) }
    }

    /// A folder on the server as it is asked for: one path has many spellings, and one without / at its front lies in
    /// the user's home.
    static func folder(_ path: String) -> String {
        let parts = path.split(separator: "/").filter { $0 != "." }
        if path.hasPrefix("/") { return "/" + parts.joined(separator: "/") }
        let inHome = parts.first == "~" ? parts.dropFirst() : parts[...]
        return inHome.isEmpty ? "." : inHome.joined(separator: "/")
    }

    /// Throws `badSettings` where a path is none that a server can have.
    static func check(path: String) throws(StorageError) {
        guard !path.utf8.contains(0), path.utf8.count <= 1024 else {
            throw StorageError(.badSettings, "connection.path is no path.")
        }
    }
}

/// A program in the place of ssh that goes as settings say, for one that calls ssh itself; it is there as long as this
/// is held.
struct SSHProgram: Sendable {
    private let command: SSHCommand
    private let file: MemoryFile

    /// `patience` is how long a connection may take to open; `what` is a phrase such as “Mounting a folder”.
    init(_ settings: SSHSettings, patience: Duration, _ what: String) throws(StorageError) {
        do throws(FileError) {
            command = try SSHCommand(settings.login, patience: Int(patience.components.seconds))
            file = try command.program()
        } catch {
            throw SSHErrors.translate(what, starting: error)
        }
    }

    /// The path under which others find it.
    var path: String { file.path }
    /// What is to be set in the environment of whoever calls it.
    var variables: [String: String] { command.variables }
}
