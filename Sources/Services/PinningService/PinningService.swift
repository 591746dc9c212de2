internal import HTTPClient
internal import Schema
package import Storage

/// Services that pin what they are asked for by its CID, and some of which take the bytes, too.
package enum PinningService: ContentDefinition {
    package static let type = "pinning_service"
    package static let aliases = PinningVendor.all.flatMap(\.words).filter { $0 != type }
    package static let summary = "A service that pins CIDs by the IPFS Pinning Service API, such as Pinata or Filebase."
    package static let capabilities: Capabilities = [
        .write, .delete, .listing, .usage, .takesBytes, .reads, .blocks, .sharedRoots, .pins,
    ]
    package static let uncertain: Capabilities = [.takesBytes, .pins, .reads, .blocks, .usage]

    package static func check(_ settings: PinningSettings) throws(StorageError) { try PinningTarget.check(settings) }

    package static func place(
        _ settings: PinningSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        let target = try PinningTarget(settings, type: context.type, environment: context.environment)
        return ServicePlace([target.endpoint.host, target.endpoint.path], account: target.account)
    }

    package static func open(
        _ settings: PinningSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any ContentService {
        let target = try PinningTarget(settings, type: context.type, environment: context.environment)
        var options = try await settings.http.options(context.operational)
        options.maxReplyBytes = 64 << 20
        func transport(to address: HTTPAddress) -> HTTPTransport {
            // What is on this machine is reached by no proxy that only the environment names.
            options.usesEnvironmentProxy = !address.isOnThisMachine
            return HTTPTransport(HTTPClient(options, observer: context.policy.byteCounter))
        }
        let connection = PinningConnection(target, transport(to: target.endpoint), context.policy)
        let mark = await context.kit() ?? "unknown"
        let ledger: any PinLedger
        if target.vendor.bytes == .files, let uploads = target.uploads {
            ledger = PinataFiles(connection, uploads, settings, mark: mark, state: context.state)
        } else {
            let bucket = try target.uploads.map { (address) throws(StorageError) in
                let largest = target.vendor.largestUpload
                return try ImportBucket(settings, at: address, largest: largest, transport(to: address), context.policy)
            }
            ledger = PinRequests(connection: connection, mark: mark, bucket: bucket)
        }
        let (shown, key, policy) = (target.gatewayCredentials, "credentials.gateway_token", context.policy)
        let gateway = target.gateway.map {
            GatewayConnection(GatewayHost(trustless: $0), credentials: shown, from: key, transport(to: $0), policy)
        }
        return PinKeeper(ledger, gateway)
    }
}
