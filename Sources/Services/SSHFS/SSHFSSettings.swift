package import Schema

/// The settings of an `sshfs` backend.
package struct SSHFSSettings: Described {
    package var ssh = SSHSettings()
    package var path = ""
    package var minFree = ByteCount(0)
    package var program: [String] = []

    package init() {}

    package static let fields: [Field<Self>] =
        SSHSettings.fields.map { $0.of(\.ssh) } + [
            Field(
                "path",
                \.path,
                help:
                    "The directory there that holds the objects; it has to exist. Without / it lies in the user's home.",
                required: true,
                aliases: ["remote_base_path", "remote_path", "root"]
            ),
            Field("min_free", \.minFree, help: "Room to leave on the disk; content that would use it is refused."),
            Field(
                "sshfs_command",
                \.program,
                help: "The program to start in place of sshfs, and words that stand before all others.",
                as: .program
            ),
        ]
}
