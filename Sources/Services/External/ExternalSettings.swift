package import Schema
internal import Storage

/// The settings of an `external` backend.
///
/// What is executed on this machine, and how, only the owner's own shell and files say.
package struct ExternalSettings: Described {
    package var program: [String] = []
    package var options: [String] = []
    package var environment: [String] = []
    package var identifier = ""
    package var remote = ""
    package var rcloneConfig = ""
    package var minFree = ByteCount(64 << 20)
    package var user = ""
    package var password = ""
    package var secrets: [String] = []

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "program",
            \.program,
            help: "The program, and each of its words by itself; for a type `rclone`, the program in place of rclone.",
            as: .program,
            whole: true
        ),
        Field(
            "program_options",
            \.options,
            help: "A setting that the program asks for, as NAME=VALUE.",
            as: .program,
            whole: true
        ),
        Field(
            "program_environment",
            \.environment,
            help: "The names of variables that the program gets besides the usual few.",
            as: .program
        ),
        Field(
            "uuid",
            \.identifier,
            help: "The identifier that the program is told; made from the settings where it is left out.",
            as: .program
        ),
        Field(
            "remote",
            \.remote,
            help: "Of a type `rclone`: REMOTE:PATH, as rclone knows it; a bucket is the first part of the path.",
            as: .program,
            aliases: ["rclone_remote"]
        ),
        Field(
            "rclone_config",
            \.rcloneConfig,
            help: "The configuration file of rclone; its usual one where it is left out.",
            as: .path,
            env: ["RCLONE_CONFIG"]
        ),
        Field("min_free", \.minFree, help: "Room to leave on the disk of the kit home, where files lie meanwhile."),
        Field("user", \.user, help: "The user for a program that asks for credentials.", section: .credentials),
        Field(
            "password",
            \.password,
            help: "The password that a program is told which asks for credentials.",
            secret: true,
            section: .credentials
        ),
        Field(
            "program_secrets",
            \.secrets,
            help: "The same as program_options, of what nobody may see.",
            as: .program,
            secret: true,
            whole: true,
            section: .credentials
        ),
    ]

    /// Throws `badSettings` for what no program can be told, or nobody can start.
    func check() throws(StorageError) {
        guard program.first != "" else { throw StorageError(.badSettings, "connection.program names no program.") }
        for (section, items) in [("connection.program_options", options), ("credentials.program_secrets", secrets)] {
            for item in items {
                let name = item.prefix { $0 != "=" }
                guard name.utf8.count < item.utf8.count, !name.isEmpty, !name.contains(where: \.isWhitespace) else {
                    throw StorageError(.badSettings, "\(section) has something that is not of the form NAME=VALUE.")
                }
            }
        }
        for name in environment where name.isEmpty || name.contains("=") {
            throw StorageError(.badSettings, "connection.program_environment names variables, and has no values.")
        }
        let texts = program + options + secrets + [identifier, remote, rcloneConfig, user, password]
        guard !texts.contains(where: { $0.utf8.contains { [0x00, 0x0A, 0x0D].contains($0) } }) else {
            throw StorageError(.badSettings, "A setting has a line end in it, which the program cannot be told.")
        }
        guard !user.contains(" ") else {
            throw StorageError(.badSettings, "credentials.user has a space in it, which the program cannot be told.")
        }
        guard rcloneConfig.isEmpty || rcloneConfig.hasPrefix("/") else {
            throw StorageError(.badSettings, "connection.rclone_config must be an absolute path.")
        }
        if !remote.isEmpty { _ = try ExternalRemote(remote) }
    }

    /// Throws `badSettings` where nothing says which program keeps the content.
    func checkProgram(isRclone: Bool) throws(StorageError) {
        guard remote.isEmpty, isRclone || program.isEmpty else { return }
        let missing =
            isRclone ? "connection.remote is missing: REMOTE:PATH" : "connection.program is missing: the program"
        throw StorageError(.badSettings, "\(missing) that keeps the content.")
    }

    /// Sees to it that what is secret is told nobody.
    func learn() {
        for item in secrets { Redactor.shared.learn(String(item.drop { $0 != "=" }.dropFirst())) }
        if !password.isEmpty { Redactor.shared.learn(password) }
    }
}

/// A place in a remote of rclone.
struct ExternalRemote: Sendable {
    /// The remote, without its colon.
    let name: String
    let path: String

    /// Reads `REMOTE:PATH`, or `:BACKEND:PATH` for a backend of rclone that needs no settings.
    ///
    /// Settings in it, as in `:s3,secret_access_key=…:bucket`, could be secrets: they would stand in process lists, and
    /// in the settings that go along in snapshots. Without a path, rclone would take one of its own choice; and where a
    /// remote has buckets, there is none.
    init(_ text: String) throws(StorageError) {
        // What is in quotes is a value in a connection string, colons and all.
        var quote: Character?
        var colon: String.Index?
        for (index, letter) in zip(text.indices, text) {
            if let open = quote {
                if letter == open { quote = nil }
            } else if letter == "\"" || letter == "'" {
                quote = letter
            } else if letter == ":", index != text.startIndex {
                colon = index
                break
            }
        }
        guard let colon else {
            throw StorageError(.badSettings, "connection.remote is not of the form REMOTE:PATH.")
        }
        guard !text[..<colon].contains(where: { ",=".contains($0) }) else {
            throw StorageError(
                .badSettings,
                "connection.remote has settings in it, which may be secrets: give rclone a remote with them "
                    + "(`rclone config create`), or set them in its environment, and name that remote."
            )
        }
        let path = text[text.index(after: colon)...]
        guard !path.split(separator: "/").isEmpty else {
            throw StorageError(
                .badSettings,
                "connection.remote has no path behind the colon: name a folder, or BUCKET or BUCKET/FOLDER where the remote "
                    + "has buckets."
            )
        }
        name = String(text[..<colon])
        self.path = String(path)
    }

    /// The remote and a key in it, as rclone's commands take it.
    func place(of key: String? = nil) -> String {
        let folder = path.hasSuffix("/") ? path : path + "/"
        return "\(name):\(key.map { folder + $0 } ?? path)"
    }
}
