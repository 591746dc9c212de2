internal import FTPClient
internal import HTTPClient
internal import Schema
package import Storage

/// A directory on a server that speaks FTP, in the clear or over TLS.
package enum FTP: ServiceDefinition {
    package static let type = "ftp"
    package static let aliases = ["ftps"]
    package static let summary = "A directory on a server that speaks FTP, over TLS or in the clear."
    package static let capabilities: Capabilities = [.write, .delete, .rangeReads, .listing]

    package static func check(_ settings: FTPSettings) throws(StorageError) {
        var settings = settings
        // What variables give is not known here.
        if settings.host.isEmpty { settings.host = "localhost" }
        if settings.user.isEmpty, !settings.password.isEmpty { settings.user = "somebody" }
        _ = try FTPTarget(settings) { _ in nil }
    }

    package static func place(
        _ settings: FTPSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        let target = try FTPTarget(settings, environment: context.environment)
        let user = target.login.user
        let server = "\(target.login.host):\(target.login.realPort)"
        return ServicePlace([server, user, target.folder], account: user.isEmpty ? "" : "\(user)@\(server)")
    }

    package static func open(
        _ settings: FTPSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any StorageService {
        let options = try await settings.http.options(context.operational)
        let target = try FTPTarget(settings, environment: context.environment).with(options)
        if !target.login.password.isEmpty { Redactor.shared.learn(target.login.password) }
        let client: FTPClient
        do throws(FTPError) {
            client = try FTPClient(
                target.login,
                // Who has a single one for an upload that reads from the same place opens a second one.
                connections: max(2, settings.connections),
                timeout: .seconds(context.operational.timeout),
                observer: context.policy.byteCounter
            )
        } catch {
            throw FTPErrors.translate("Preparing the connection", error)
        }
        let place = FTPPlace(client, target.folder, connections: settings.connections, context.policy)
        return FTPService(place, notes: UploadNotes(folder: context.state))
    }
}
