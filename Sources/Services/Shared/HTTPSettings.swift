internal import HTTPClient
internal import POSIX
package import Schema
internal import Storage

/// How a backend over HTTP is reached: settings that all such types have.
package struct HTTPSettings: Described {
    package var caFile = ""
    package var verifyTLS = true
    package var proxy = ""
    package var clientCertificate = ""
    package var clientKey = ""
    package var minimumTLS = TLSVersion.standard

    package init() {}

    /// The least version of TLS that is spoken.
    package enum TLSVersion: String, Sendable, FieldChoice {
        case standard = "auto"
        case v12 = "1.2"
        case v13 = "1.3"
    }

    package static let fields: [Field<Self>] = [
        Field("ca_file", \.caFile, help: "A file with the certificate authorities to trust, as PEM.", as: .path),
        Field(
            "verify_tls",
            \.verifyTLS,
            help: "Whether the server must prove who it is.",
            aliases: ["verify_ssl", "verify"]
        ),
        Field(
            "proxy",
            \.proxy,
            help: "The URL of a proxy, in place of what the environment names; it may have a user and a password.",
            secret: true
        ),
        Field(
            "client_certificate",
            \.clientCertificate,
            help: "A file with the certificate to show, as PEM.",
            as: .path
        ),
        Field("client_key", \.clientKey, help: "A file with the key of that certificate, as PEM.", as: .path),
        Field(
            "minimum_tls",
            \.minimumTLS,
            help: "The least version of TLS that is spoken; auto is what the system allows."
        ),
    ]

    /// How a client connects by these settings; throws `badSettings` where a file that they name cannot be read.
    func options(_ operational: OperationalSettings) async throws(StorageError) -> HTTPOptions {
        Redactor.shared.learn(proxy: proxy)
        var options = HTTPOptions()
        options.connectTimeout = .seconds(max(1, operational.timeout))
        options.stallTimeout = options.connectTimeout
        options.maxConnections = max(1, operational.maxConnections)
        options.verifyTLS = verifyTLS
        options.caFile = try await Self.readable(caFile, "ca_file")
        options.clientCertificate = try await Self.readable(clientCertificate, "client_certificate")
        options.clientKey = try await Self.readable(clientKey, "client_key")
        options.proxy = proxy.isEmpty ? nil : proxy
        switch minimumTLS {
        case .standard: break
        case .v12: options.minimumTLS = .v12
        case .v13: options.minimumTLS = .v13
        }
        return options
    }

    /// The path of a file that curl opens; nil where none is named.
    private static func readable(_ path: String, _ field: String) async throws(StorageError) -> String? {
        guard !path.isEmpty else { return nil }
        do throws(FileError) {
            // It may lead to a file that nobody but the catalog may open.
            _ = try await BlockingThreads.shared.run { () throws(FileError) in try File(path, .readFile) }
            return path
        } catch {
            throw StorageError(.badSettings, "connection.\(field) cannot be read: \(error)", cause: error)
        }
    }
}
