package import SFTPClient
package import Schema

/// The settings of an `sftp` backend.
package struct SFTPSettings: Described {
    package var login = SSHLogin()
    package var path = ""
    package var connections = 4

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
            "path",
            \.path,
            help: "The directory there that holds the objects; it has to exist. Without / it lies in the user's home.",
            required: true,
            aliases: ["remote_base_path", "remote_path", "root"]
        ),
        Field(
            "known_hosts",
            \.login.knownHosts,
            help: "A file with the server's key, in place of ~/.ssh/known_hosts; an absolute path.",
            as: .path
        ),
        Field("connections", \.connections, help: "How many sessions may be open at once.", least: 1),
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
}
