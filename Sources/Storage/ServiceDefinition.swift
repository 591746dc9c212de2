package import Schema

/// A type of backend: its name, its settings, and where they lead.
package protocol BackendDefinition: Sendable {
    associatedtype Settings: Described
    /// The word in a backend file: `s3`.
    static var type: String { get }
    /// Other words for the same type; some stand for a vendor with its own defaults.
    static var aliases: [String] { get }
    static var summary: String { get }
    /// What instances can do at most.
    static var capabilities: Capabilities { get }
    /// What of that some instances cannot do: it depends on the service, its program, or the settings.
    static var uncertain: Capabilities { get }
    /// What an instance with these settings can do at most; a setting that is not known has its usual value.
    static func capabilities(of settings: Settings) -> Capabilities
    /// How many calls run at once where the settings do not say it.
    static var connections: Int { get }
    /// Throws `badSettings` where something in the settings can never be right, whatever stands around it; nothing is
    /// opened or sent. A setting that is not known yet has its usual value.
    static func check(_ settings: Settings) throws(StorageError)
    /// Where an instance leads, with all that the world around it adds to the settings; nothing is sent.
    static func place(_ settings: Settings, in context: ServiceContext) async throws(StorageError) -> ServicePlace
}

extension BackendDefinition {
    package static var connections: Int { OperationalSettings().maxConnections }

    package static var uncertain: Capabilities { [] }

    /// Most types can do the same whatever their settings are.
    package static func capabilities(of settings: Settings) -> Capabilities { capabilities }
}

/// A type of backend that keeps named bytes.
package protocol ServiceDefinition: BackendDefinition {
    /// Makes an instance, whose requests are made as the policy of the context says. Nothing is sent before the first
    /// call.
    static func open(_ settings: Settings, in context: ServiceContext) async throws(StorageError) -> any StorageService
}

/// A type of backend that is mounted on this machine as long as it is used, and can stay so.
package protocol MountedDefinition: BackendDefinition {
    /// Mounts it, also for when nobody uses it; gives the folder.
    static func mount(_ settings: Settings, in context: ServiceContext) async throws(StorageError) -> String
    /// Ends that; false where it was not mounted. Throws `unavailable` where somebody uses it.
    static func unmount(_ settings: Settings, in context: ServiceContext) async throws(StorageError) -> Bool
}

/// A type of backend that keeps content by CID.
package protocol ContentDefinition: BackendDefinition {
    /// What the room for other objects can do at most; nothing where there is none.
    static var objects: Capabilities { get }
    /// Makes an instance, whose requests are made as the policy of the context says. Nothing is sent before the first
    /// call.
    static func open(_ settings: Settings, in context: ServiceContext) async throws(StorageError) -> any ContentService
}

extension ContentDefinition {
    package static var objects: Capabilities { [] }
}

/// Where an instance of a service leads; nothing in it is secret.
package struct ServicePlace: Sendable, Hashable {
    /// Other words are another place.
    package var words: [String]
    /// What tells who is asked as whom: the type and the host, which are the first words, and the account; without one,
    /// the place.
    package var credential: String {
        account.isEmpty ? words.joined(separator: " ") : (words.prefix(2) + [account]).joined(separator: " ")
    }
    /// Whose it is, where names mean other places to others: empty where that is not known, or changes all the time.
    package let account: String

    package init(_ words: [String], account: String = "") {
        self.words = words
        self.account = account
    }
}

/// What a service may know of the world around it.
package struct ServiceContext: Sendable {
    /// The name of the backend.
    package let backend: String
    /// The word for the type that stands in the file: the type's name or one of its aliases.
    package let type: String
    package let operational: OperationalSettings
    /// How requests are made.
    package var policy: CallPolicy
    /// The value of an environment variable.
    package let environment: @Sendable (String) -> String?
    /// The folder of the kit, which is no place for a replica: it would be gone with the kit.
    package let home: String?
    /// The folder in the home for what the service has to remember, such as tokens that it renews; it may not be there
    /// yet, and nothing else is in it.
    package let state: String?
    /// The identifier of the kit, by which what it leaves where others keep things too is known for its own; nil where
    /// there is no kit.
    package var kit: @Sendable () async -> String? = { nil }
    /// What other backends give of a root, for a service that keeps nothing itself.
    package let offers: Offers.Source

    package init(
        backend: String,
        type: String,
        operational: OperationalSettings,
        policy: CallPolicy,
        environment: @escaping @Sendable (String) -> String?,
        home: String? = nil,
        state: String? = nil,
        offers: @escaping Offers.Source = { (_, _) in Offers() }
    ) {
        self.backend = backend
        self.type = type
        self.operational = operational
        self.policy = policy
        self.environment = environment
        self.home = home
        self.state = state
        self.offers = offers
    }
}

/// One type of backend in the table of all types.
package struct ServiceRow: Sendable {
    package let type: String
    package let aliases: [String]
    package let summary: String
    package let capabilities: Capabilities
    /// What of that some instances cannot do.
    package let uncertain: Capabilities
    /// What the room for named objects can do at most; nothing where there is none.
    package let objects: Capabilities
    /// How many calls run at once where the settings do not say it.
    package let connections: Int
    /// The settings of the type itself; those that all types have are in `OperationalSettings`.
    package let fields: [FieldInfo]
    private let able: @Sendable ([String: FieldValue]) -> Capabilities
    private let checker: @Sendable ([String: FieldValue]) throws(StorageError) -> Void
    private let locator: @Sendable ([String: FieldValue], ServiceContext) async throws(StorageError) -> ServicePlace
    private let mounting: Mounting?
    private let opener: @Sendable ([String: FieldValue], ServiceContext) async throws(StorageError) -> Opening

    /// The row of a type that keeps named bytes.
    package init<Definition: ServiceDefinition>(_: Definition.Type) {
        self.init(Definition.self, powers: CARArchive.powers, objects: Definition.capabilities) {
            (settings, context) async throws(StorageError) in
            let service = try await Definition.open(settings, in: context)
            return Opening { CARArchive(Checked(service, backend: context.backend, for: $0)) }
        }
    }

    /// The row of a type that keeps content by CID.
    package init<Definition: ContentDefinition>(_: Definition.Type) {
        self.init(Definition.self, powers: [], objects: Definition.objects) {
            (settings, context) async throws(StorageError) in
            let service = try await Definition.open(settings, in: context)
            return Opening { CheckedContent(service, backend: context.backend, for: $0) }
        }
    }

    private init<Definition: BackendDefinition>(
        _: Definition.Type,
        powers: Capabilities,
        objects: Capabilities,
        open: @escaping @Sendable (Definition.Settings, ServiceContext) async throws(StorageError) -> Opening
    ) {
        type = Definition.type
        aliases = Definition.aliases
        summary = Definition.summary
        capabilities = Definition.capabilities.union(powers)
        uncertain = Definition.uncertain
        self.objects = objects
        connections = Definition.connections
        fields = Definition.Settings.fieldInfo
        able = { values in
            let settings = try? Definition.Settings(values: values)
            return (settings.map(Definition.capabilities) ?? Definition.capabilities).union(powers)
        }
        checker = { (values) throws(StorageError) in
            guard let settings = try? Definition.Settings(values: values) else { return }
            try Definition.check(settings)
        }
        locator = { (values, context) async throws(StorageError) in
            try await Definition.place(try Self.settings(Definition.self, values, context), in: context)
        }
        mounting = (Definition.self as? any MountedDefinition.Type).map(Mounting.init)
        opener = { (values, context) async throws(StorageError) in
            try await open(try Self.settings(Definition.self, values, context), context)
        }
    }

    fileprivate static func settings<Definition: BackendDefinition>(
        _: Definition.Type,
        _ values: [String: FieldValue],
        _ context: ServiceContext
    ) throws(StorageError) -> Definition.Settings {
        let settings: Definition.Settings
        do throws(SchemaError) {
            settings = try Definition.Settings(values: values)
        } catch {
            throw StorageError(.badSettings, error.message, backend: context.backend)
        }
        try Definition.check(settings)
        return settings
    }

    /// What a backend with these settings can do at most.
    package func capabilities(of values: [String: FieldValue]) -> Capabilities { able(values) }

    /// Whether such a backend is mounted on this machine.
    package var isMounted: Bool { mounting != nil }

    /// Mounts a backend, also for when nobody uses it; nil where there is nothing to mount.
    package func mount(
        _ values: [String: FieldValue],
        in context: ServiceContext
    ) async throws(StorageError) -> String? {
        try await mounting?.mount(values, context)
    }

    /// Ends the mount of a backend; nil where there is nothing to mount.
    package func unmount(
        _ values: [String: FieldValue],
        in context: ServiceContext
    ) async throws(StorageError) -> Bool? {
        try await mounting?.unmount(values, context)
    }

    /// Where a backend of this type leads.
    package func place(
        of values: [String: FieldValue],
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        var place = try await locator(values, context)
        place.words.insert(type, at: 0)
        return place
    }

    /// Throws `badSettings` where settings can never be right; those that are not among `values` are not known yet.
    package func check(_ values: [String: FieldValue]) throws(StorageError) { try checker(values) }

    /// Opens a backend of this type; the policy of the context is that of whoever asks in nobody's name.
    package func open(
        _ values: [String: FieldValue],
        in context: ServiceContext
    ) async throws(StorageError) -> Opening {
        try await opener(values, context)
    }
}

/// How backends of a type are mounted.
private struct Mounting: Sendable {
    let mount: @Sendable ([String: FieldValue], ServiceContext) async throws(StorageError) -> String
    let unmount: @Sendable ([String: FieldValue], ServiceContext) async throws(StorageError) -> Bool

    init(_ definition: any MountedDefinition.Type) { self = Self.of(definition) }

    private init<Definition: MountedDefinition>(of _: Definition.Type) {
        mount = { (values, context) async throws(StorageError) in
            try await Definition.mount(try ServiceRow.settings(Definition.self, values, context), in: context)
        }
        unmount = { (values, context) async throws(StorageError) in
            try await Definition.unmount(try ServiceRow.settings(Definition.self, values, context), in: context)
        }
    }

    private static func of<Definition: MountedDefinition>(_: Definition.Type) -> Mounting {
        Mounting(of: Definition.self)
    }
}
