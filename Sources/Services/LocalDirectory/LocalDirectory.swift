internal import Schema
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
