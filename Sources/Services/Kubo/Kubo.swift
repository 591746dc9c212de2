package import Storage

/// A Kubo node, which keeps content as blocks and pins.
package enum Kubo: ContentDefinition {
    package static let type = "ipfs"
    package static let aliases = ["kubo"]
    package static let summary = "A Kubo node: each root is a recursive pin of it."
    package static let capabilities: Capabilities = [
        .write, .delete, .listing, .usage, .takesBytes, .reads, .blocks, .sharedRoots,
    ]
    package static let objects: Capabilities = [.write, .delete, .rangeReads, .listing, .usage]

    package static func check(_ settings: KuboSettings) throws(StorageError) { try KuboTarget.check(settings) }

    /// The folder for notes does not tell one place from another: the pins are those of the node.
    package static func place(
        _ settings: KuboSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        let api = try await KuboTarget(settings, environment: context.environment).api
        return ServicePlace([api.host + api.path])
    }

    /// Finds the node; throws `badSettings`, and sends nothing.
    package static func open(
        _ settings: KuboSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any ContentService {
        KuboService(try await KuboNode(settings, in: context))
    }
}
