package import Storage

/// A cluster of IPFS nodes with one pinset, by the REST API of one of its peers.
package enum IPFSCluster: ContentDefinition {
    package static let type = "ipfs_cluster"
    package static let aliases = ["cluster"]
    package static let summary = "An IPFS Cluster: each root is a pin of it, on as many peers as it is to be on."
    package static let capabilities: Capabilities = [
        .write, .delete, .listing, .usage, .takesBytes, .reads, .blocks, .sharedRoots, .pins,
    ]
    package static let uncertain: Capabilities = [.takesBytes, .pins, .reads, .blocks]

    /// A cluster gives no content itself, and takes none where it is given CIDs alone.
    package static func capabilities(of settings: ClusterSettings) -> Capabilities {
        let givesContent = !(settings.proxyURLs + settings.gatewayURLs).isEmpty
        return capabilities.subtracting(givesContent ? [] : [.reads, .blocks])
            .subtracting(settings.send == .cars ? .pins : .takesBytes)
    }

    package static func check(_ settings: ClusterSettings) throws(StorageError) { try ClusterTarget.check(settings) }

    package static func place(
        _ settings: ClusterSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        let api = try ClusterTarget(settings, environment: context.environment).api
        return ServicePlace([api.host + api.path])
    }

    /// Finds the API and what is read through; throws `badSettings`, and sends nothing.
    package static func open(
        _ settings: ClusterSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any ContentService {
        let target = try ClusterTarget(settings, environment: context.environment)
        let pins = ClusterPins(try await ClusterConnection(target, settings, context), settings, kit: context.kit)
        let doors = try await target.doors(settings, context)
        return ClusterService(pins, doors, ClusterPlace(folder: context.state), settings)
    }
}
