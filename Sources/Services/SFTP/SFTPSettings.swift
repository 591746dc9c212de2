package import Schema

/// The settings of an `sftp` backend.
package struct SFTPSettings: Described {
    package var ssh = SSHSettings()
    package var connections = 4

    package init() {}

    package static let fields: [Field<Self>] =
        SSHSettings.fields.map { $0.of(\.ssh) } + [
            Field("connections", \.connections, help: "How many sessions may be open at once.", least: 1)
        ]
}
