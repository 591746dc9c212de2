internal import Schema
package import Storage

/// What other backends give URLs of, fetched by aria2 over several connections at once.
package enum Aria2: ContentDefinition {
    package static let type = "aria2"
    package static let aliases: [String] = []
    package static let summary = "What other backends give URLs of, fetched by aria2 over several connections at once."
    package static let capabilities: Capabilities = [.reads, .rangeReads, .finds, .relays]
    /// Each download has several connections of its own.
    package static let connections = 4

    package static func check(_ settings: Aria2Settings) throws(StorageError) { try Aria2Target.check(settings) }

    /// What is fetched is where others keep it, so only the daemon is named here.
    package static func place(
        _ settings: Aria2Settings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        switch try Aria2Target(settings, environment: context.environment) {
        case .own: ServicePlace(["localhost"])
        case .running(let address, _): ServicePlace([address.host, address.path])
        }
    }

    /// Starts nothing before the first call.
    package static func open(
        _ settings: Aria2Settings,
        in context: ServiceContext
    ) async throws(StorageError) -> any ContentService {
        let target = try Aria2Target(settings, environment: context.environment)
        guard let parent = settings.folder.isEmpty ? context.state : settings.folder else {
            throw StorageError(.badSettings, "There is no folder for what is fetched; set connection.download_folder.")
        }
        let daemon = try await Aria2Daemon(target, settings, in: parent, context)
        return Aria2Service(Aria2Fetcher(daemon, settings, context))
    }
}
