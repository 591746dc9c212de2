internal import Catalog
internal import Policies
internal import Replication
package import Schema
internal import Storage

/// Asks backends how much they hold.
package struct BackendUsage: Operation {
    package static let name = "backend usage"
    package static let summary = "Ask backends how much they hold, and how much room there is."
    package static let details = """
        A service that does not say how much it holds is listed whole, which takes a request for some hundred or thousand \
        objects. What it holds may be others' too; beside it stands what the catalog knows to be stored there.
        """

    package var names: [String] = []
    package var all = false

    package init() {}

    package static let fields: [Field<Self>] = [
        .enabledBackends(\.names),
        .allBackends(\.all),
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let chosen = try await kit.backends(names, all: all, for: Self.self)
        let counts = try await kitErrors { try await kit.catalog().mappingCounts() }
        let asked = await withManyAtOnce {
            await withTaskGroup(of: Row.self) { group in
                for file in chosen.files { group.addTask { await Self.ask(file, kit) } }
                return await group.reduce(into: [Row]()) { $0.append($1) }
            }
        }
        if asked.contains(where: { $0.error?.code == .interrupted }) {
            throw KitError(.interrupted, "It was stopped before all had answered.")
        }
        var rows = asked + chosen.broken.map { Row(backend: $0.name, error: $0.error) }
        for index in rows.indices { rows[index].known = counts[rows[index].backend] ?? MappingCounts() }
        return Output(rows: rows.sorted { $0.backend < $1.backend })
    }

    private static func ask(_ file: BackendFile, _ kit: Kit) async -> Row {
        var row = Row(backend: file.name)
        do {
            row.quota = try kit.policies(of: file).storageQuotaBytes
            let backend = try await kit.open(file, gate: ClosedGate())
            guard tellsUsage(backend.content) else { return row }
            row.askedAt = kit.now
            try await kit.expectPlace(backend)
            row.usage = try await usage(backend.content)
        } catch {
            row.error = KitError(any: error)
        }
        return row
    }

    /// Whether anything there tells how much is held: who has no words for it is not asked.
    private static func tellsUsage(_ content: any ContentService) -> Bool {
        content.capabilities.contains(.usage) || content.objects?.capabilities.contains(.listing) == true
    }

    /// What the service says, or else what its list comes to.
    private static func usage(_ content: any ContentService) async throws(StorageError) -> Usage {
        guard !content.capabilities.contains(.usage), let objects = content.objects,
            objects.capabilities.contains(.listing)
        else { return try await content.usage(mayWalk: true) }
        return try await objects.usageByListing()
    }

    /// What one backend holds.
    struct Row: Sendable {
        let backend: String
        /// When it was asked; nil where it could not be.
        var askedAt: Timestamp?
        var usage = Usage()
        /// The most that may be stored there, in bytes; nil is no bound.
        var quota: UInt64?
        /// What the catalog knows of it.
        var known = MappingCounts()
        var error: KitError?
    }

    /// What the backends hold.
    package struct Output: OperationOutput {
        let rows: [Row]

        package var exitCode: ExitCode {
            .ofParts(rows.compactMap(\.error?.code), isPartDone: rows.contains { $0.error == nil })
        }

        package static let outputFields: [OutputField<Self>] = [
            .list(
                "backends",
                "Each backend, and what it holds.",
                of: [
                    .backend { $0.backend },
                    OutputField("asked_at", "When it was asked; null where it could not be, or cannot say.") {
                        $0.askedAt
                    },
                    OutputField(
                        "used_bytes",
                        "How much it holds under names that can be ours; null where nobody says.",
                        in: .bytes
                    ) {
                        $0.usage.used
                    },
                    OutputField("free_bytes", "How much room it says there is; null where it says nothing.", in: .bytes)
                    {
                        $0.usage.free
                    },
                    OutputField("object_count", "How many objects that is; null where nobody says.") {
                        $0.usage.objects
                    },
                    OutputField("storage_quota_bytes", "The most that sync may store; null is no bound.", in: .bytes) {
                        $0.quota
                    },
                    OutputField("stored_roots", "How many roots the catalog knows to be stored there.") {
                        $0.known.byStatus[.stored] ?? 0
                    },
                    OutputField("stored_bytes", "The lengths of all that is stored.", in: .bytes) {
                        $0.known.storedBytes
                    },
                    .error { $0.error?.on($0.backend) },
                ]
            ) { $0.rows }
        ]

        package var report: Report {
            func size(_ bytes: UInt64?) -> String { bytes.map { ByteCount($0).description } ?? "unknown" }
            return Report(
                [
                    .table(
                        [
                            .init("BACKEND"), .init("USED", number: true), .init("FREE", number: true),
                            .init("OBJECTS", number: true), .init("OURS", number: true), .init("ROOTS", number: true),
                        ],
                        rows: rows.map { row in
                            [
                                row.backend, size(row.usage.used), size(row.usage.free),
                                row.usage.objects.map { "\($0)" } ?? "unknown", size(row.known.storedBytes),
                                "\(row.known.byStatus[.stored] ?? 0)",
                            ]
                        }
                    )
                ],
                failures: rows.compactMap { row in row.error.map { $0.told(of: row.backend) } }
            )
        }
    }
}
