internal import SFTPClient
internal import Schema
package import Storage

/// A directory on a server that one reaches by SSH.
package enum SFTP: ServiceDefinition {
    package static let type = "sftp"
    package static let aliases = ["ssh"]
    package static let summary = "A directory on a server, through SSH and its SFTP protocol."
    package static let capabilities: Capabilities = [.write, .delete, .rangeReads, .listing, .usage]

    package static func check(_ settings: SFTPSettings) throws(StorageError) {
        try settings.ssh.check()
        try SSHSettings.check(path: settings.path)
    }

    package static func place(
        _ settings: SFTPSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        settings.ssh.place(of: SSHSettings.folder(settings.path))
    }

    package static func open(
        _ settings: SFTPSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any StorageService {
        settings.ssh.learn()
        let client: SFTPClient
        do throws(SFTPError) {
            client = try SFTPClient(
                settings.ssh.login,
                sessions: min(settings.connections, maxSessions),
                timeout: .seconds(context.operational.timeout),
                now: context.policy.timing.uptime,
                observer: context.policy.byteCounter
            )
        } catch {
            throw SSHErrors.translate("Preparing ssh", error)
        }
        return SFTPService(client, SFTPRoot(path: SSHSettings.folder(settings.path)), context.policy)
    }

    /// Servers refuse more than ten sessions of one user by default, and drop connections that begin together.
    private static let maxSessions = 4
}
