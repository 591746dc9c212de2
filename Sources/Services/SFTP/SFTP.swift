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
        let login = settings.login
        for (name, value) in [("host", login.host), ("user", login.user)] where !SSHLogin.isName(value) {
            throw StorageError(.badSettings, "connection.\(name) is no name that ssh takes.")
        }
        let files = [("connection.known_hosts", login.knownHosts), ("credentials.key_file", login.keyFile)]
        for (name, path) in files where !path.isEmpty && !SSHLogin.isPath(path) {
            throw StorageError(.badSettings, "\(name) must be an absolute path without quotes, $ and \\.")
        }
        guard login.port <= 65_535 else { throw StorageError(.badSettings, "connection.port is no port.") }
        guard login.program.first != "" else {
            throw StorageError(.badSettings, "connection.ssh_command names no program.")
        }
        guard !settings.path.utf8.contains(0), settings.path.utf8.count <= 1024 else {
            throw StorageError(.badSettings, "connection.path is no path.")
        }
    }

    /// A name that ssh's configuration gives to another server is not followed: nothing is asked to find the place.
    package static func place(
        _ settings: SFTPSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        let login = settings.login
        let server = "\(login.host.lowercased()):\(login.port > 0 ? login.port : 22)"
        return ServicePlace(
            [server, login.user, root(settings.path)],
            account: login.user.isEmpty ? "" : "\(login.user)@\(server)"
        )
    }

    package static func open(
        _ settings: SFTPSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any StorageService {
        for secret in [settings.login.password, settings.login.passphrase] where !secret.isEmpty {
            Redactor.shared.learn(secret)
        }
        let client: SFTPClient
        do throws(SFTPError) {
            client = try SFTPClient(
                settings.login,
                sessions: min(settings.connections, maxSessions),
                timeout: .seconds(context.operational.timeout),
                now: context.policy.timing.uptime,
                observer: context.policy.byteCounter
            )
        } catch {
            throw SFTPErrors.translate("Preparing ssh", error)
        }
        return SFTPService(client, SFTPRoot(path: root(settings.path)), context.policy)
    }

    /// Servers refuse more than ten sessions of one user by default, and drop connections that begin together.
    private static let maxSessions = 4

    /// One path has many spellings; one without / at its front lies in the user's home.
    private static func root(_ path: String) -> String {
        let parts = path.split(separator: "/").filter { $0 != "." }
        if path.hasPrefix("/") { return "/" + parts.joined(separator: "/") }
        let inHome = parts.first == "~" ? parts.dropFirst() : parts[...]
        return inHome.isEmpty ? "." : inHome.joined(separator: "/")
    }
}
