internal import HTTPClient
internal import Schema
package import Storage

/// A folder on a WebDAV server: a cloud with files, a NAS, a web server.
package enum WebDAV: ServiceDefinition {
    package static let type = "webdav"
    package static let aliases = ["nextcloud", "owncloud"]
    package static let summary = "A folder on a WebDAV server, such as Nextcloud, ownCloud, or a NAS."
    package static let capabilities: Capabilities = [.write, .delete, .rangeReads, .listing, .usage, .urls]
    package static let uncertain: Capabilities = .usage

    package static func check(_ settings: WebDAVSettings) throws(StorageError) {
        try settings.parts.check()
        // What variables give is not known here.
        guard !settings.url.isEmpty else { return }
        let target = try WebDAVTarget(settings) { _ in nil }
        guard !settings.user.isEmpty || !settings.token.isEmpty else { return }
        _ = try HTTPCredentials(settings, at: target.address) { _ in nil }
    }

    package static func place(
        _ settings: WebDAVSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        let address = try WebDAVTarget(settings, environment: context.environment).address
        let credentials = try HTTPCredentials(settings, at: address, environment: context.environment)
        return ServicePlace([address.host, address.path], account: credentials.user)
    }

    package static func open(
        _ settings: WebDAVSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any StorageService {
        let target = try WebDAVTarget(settings, environment: context.environment)
        let credentials = try HTTPCredentials(settings, at: target.address, environment: context.environment)
        credentials.teachRedactor()
        var options = try await settings.http.options(context.operational)
        // What is on this machine is reached by no proxy that only the environment names: it would read what is shown.
        if target.address.isOnThisMachine { options.usesEnvironmentProxy = false }
        // A folder comes as one document.
        options.maxReplyBytes = 64 << 20
        let transport = HTTPTransport(HTTPClient(options, observer: context.policy.byteCounter))
        let connection = WebDAVConnection(target, credentials, transport, context.policy)
        return WebDAVService(connection, settings.parts)
    }
}
