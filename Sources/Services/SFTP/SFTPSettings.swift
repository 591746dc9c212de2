package import Schema

/// The settings of an `sftp` backend.
package struct SFTPSettings: Described {
    package var ssh = SSHSettings()
    package var path = ""
    package var connections = 4

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
            Field("connections", \.connections, help: "How many sessions may be open at once.", least: 1),
        ]
}
