internal import HTTPClient
internal import Schema
package import Storage

/// Hosts that give content by CID and take none: trustless gateways, a daemon of Lassie, web servers with CARs.
package enum TrustlessGateway: ContentDefinition {
    package static let type = "gateway"
    package static let aliases = ["lassie", "saturn"]
    package static let summary = "Trustless gateways, Lassie's daemon, or web servers with CARs: content is only read."
    package static let capabilities: Capabilities = [.reads, .blocks, .urls, .finds]
    package static let uncertain: Capabilities = .blocks
    /// Six at once is what hosts bear, and a few are asked.
    package static let connections = 12

    package static func check(_ settings: GatewaySettings) throws(StorageError) {
        // What variables give is not known here, nor is the word for the type.
        guard !settings.urls.isEmpty else { return }
        let isOfLassie = !settings.protocols.isEmpty || !settings.providers.isEmpty || settings.blockLimit > 0
        _ = try GatewayTarget(settings, settings.urls, as: isOfLassie ? "lassie" : type)
    }

    package static func place(
        _ settings: GatewaySettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        let target = try await GatewayTarget(settings, in: context)
        let first = target.hosts.first?.address.host ?? ""
        return ServicePlace([first] + target.hosts.map(\.description))
    }

    package static func open(
        _ settings: GatewaySettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any ContentService {
        let target = try await GatewayTarget(settings, in: context)
        if !target.token.isEmpty { Redactor.shared.learn(target.token) }
        var options = try await settings.http.options(context.operational)
        let far = HTTPTransport(HTTPClient(options, observer: context.policy.byteCounter))
        // What is on this machine is reached by no proxy that only the environment names: it would read the token.
        options.usesEnvironmentProxy = false
        let near = HTTPTransport(HTTPClient(options, observer: context.policy.byteCounter))
        let shown = target.token.isEmpty ? [] : [HTTPField(name: "Authorization", value: "Bearer \(target.token)")]
        let connections = target.hosts.map { host in
            let transport = host.address.isOnThisMachine ? near : far
            return GatewayConnection(host, credentials: shown, transport, context.policy)
        }
        return GatewayService(GatewayHosts(connections, isComplete: settings.isComplete, context.policy), target)
    }
}
