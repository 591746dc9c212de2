package import Schema

/// The settings of a `filesystem` backend.
package struct LocalDirectorySettings: Described {
    package var path = ""
    package var minFree = ByteCount(0)

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "path",
            \.path,
            help: "The directory that holds the objects; an absolute path.",
            as: .path,
            required: true,
            aliases: ["storage_path", "root", "base_path", "mount_point"]
        ),
        Field("min_free", \.minFree, help: "Room to leave on the disk; content that would use it is refused."),
    ]
}
