package import Schema
package import Storage

/// A local or mounted directory.
package enum LocalDirectory: ServiceDefinition {
    package static let type = "filesystem"
    package static let aliases = ["local", "local_fs", "local_storage"]
    package static let summary = "A local or mounted directory"
    package static let capabilities = DirectoryService.capabilities
    /// Short objects that come at once are flushed together.
    package static let connections = 128

    package static func check(_ settings: LocalDirectorySettings) throws(StorageError) {
        guard settings.path.hasPrefix("/") else {
            throw StorageError(.badSettings, "connection.path must be an absolute path.")
        }
    }

    package static func place(
        _ settings: LocalDirectorySettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        // One path has many spellings.
        ServicePlace(["/" + settings.path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")])
    }

    package static func open(
        _ settings: LocalDirectorySettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any StorageService {
        let root = RootDirectory(settings.path, home: context.home)
        let service = DirectoryService(root, minFree: settings.minFree.bytes, context.policy)
        return Governed(service, by: context.policy)
    }
}

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
