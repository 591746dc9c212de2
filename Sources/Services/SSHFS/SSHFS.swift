internal import Schema
package import Storage

/// A directory on a server that one reaches by SSH, mounted here by the program `sshfs`.
package enum SSHFS: ServiceDefinition, MountedDefinition {
    package static let type = "sshfs"
    package static let aliases: [String] = []
    package static let summary = "A directory on a server, which sshfs mounts here as long as it is used."
    package static let capabilities = DirectoryService.capabilities
    /// Short objects that come at once are flushed together.
    package static let connections = 128

    package static func check(_ settings: SSHFSSettings) throws(StorageError) {
        try settings.ssh.check()
        try SSHSettings.check(path: settings.path)
        guard settings.program.first != "" else {
            throw StorageError(.badSettings, "connection.sshfs_command names no program.")
        }
    }

    package static func place(
        _ settings: SSHFSSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        settings.ssh.place(of: SSHSettings.folder(settings.path))
    }

    package static func open(
        _ settings: SSHFSSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any StorageService {
        Governed(SSHFSService(mount: try mount(settings, context)), by: context.policy)
    }

    package static func mount(
        _ settings: SSHFSSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> String {
        try await mount(settings, context).stay()
    }

    package static func unmount(
        _ settings: SSHFSSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> Bool {
        try await mount(settings, context).end()
    }

    private static func mount(
        _ settings: SSHFSSettings,
        _ context: ServiceContext
    ) throws(StorageError) -> SSHFSMount {
        settings.ssh.learn()
        guard let state = context.state else {
            throw StorageError(.badSettings, "There is no folder in which the server's could be mounted.")
        }
        return SSHFSMount(
            settings,
            in: state,
            patience: .seconds(max(1, context.operational.timeout)),
            policy: context.policy
        )
    }
}
