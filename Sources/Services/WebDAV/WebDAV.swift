internal import HTTPClient
internal import Schema
package import Storage

/// A folder on a WebDAV server: a cloud with files, a NAS, a web server.
package enum WebDAV: ServiceDefinition {
    package static let type = "webdav"
    package static let aliases = ["dav"]
    package static let summary = "A folder on a WebDAV server, such as a cloud with files or a NAS."
    package static let capabilities: Capabilities = [.write, .delete, .rangeReads, .listing, .usage]

    package static func check(_ settings: WebDAVSettings) throws(StorageError) {
        _ = try WebDAVTarget(settings)
    }

    package static func place(
        _ settings: WebDAVSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        let address = try WebDAVTarget(settings).address
        return ServicePlace([address.host, address.path], account: settings.user)
    }

    package static func open(
        _ settings: WebDAVSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any StorageService {
        let target = try WebDAVTarget(settings)
        target.teachRedactor()
        var options = try await settings.http.options(context.operational)
        // A folder comes as one document.
        options.maxReplyBytes = 64 << 20
        let client = HTTPTransport(HTTPClient(options, observe: context.policy.countBytes))
        // Whoever is stopped waits only so long for the server to clean up.
        options.connectTimeout = .seconds(2)
        options.totalTimeout = .seconds(2)
        let hasty = HTTPTransport(HTTPClient(options, observe: context.policy.countBytes))
        return WebDAVService(WebDAVConnection(target, client, hasty: hasty, context.policy))
    }
}
