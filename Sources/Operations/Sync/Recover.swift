internal import BlockStore
internal import Catalog
internal import Multiformats
internal import POSIX
internal import Replication
package import Schema
internal import Storage

/// Rebuilds a whole kit home from one backend.
package struct Recover: Operation {
    package static let name = "recover"
    package static let summary =
        "Rebuild a kit home from one backend alone: pins, names, mappings and settings, then content."
    package static let details = """
        On a new machine: ipfs-kit init; ipfs-kit backend create my-s3 s3 …; ipfs-kit recover --from my-s3
        Interrupted, it goes on where it stopped. What the home has already stays.
        """
    package static let changes = true

    package var source = ""
    package var kitID: String?
    package var metadataOnly = false
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("from", \.source, help: "The backend.", required: true),
        Field(
            "kit",
            \.kitID,
            help: "The kit whose snapshot is taken; the newest snapshot of any where it is not given."
        ),
        Field("metadata_only", \.metadataOnly, help: "Leave content where it is; `restore` brings it later."),
        Field("dry_run", \.dryRun, help: "Say what would be recovered, and change nothing."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let file = try await kit.backends([source])[0]
        let backend = try await kit.open(file, gate: OpenGate())
        let catalog = try kit.catalog()
        let store = try kit.store()
        return try await kitErrors {
            var output = Output(source: source, dryRun: dryRun)
            let snapshot = try await snapshot(backend, kit, &output)
            let pins = try await pins(snapshot, backend, catalog, &output)
            if dryRun {
                output.pins = pins.count
                return output
            }
            if let snapshot {
                // A home that is new goes on as the kit that was lost; one that has pins stays what it is.
                if try await catalog.pinCount() == 0, BackendFile.isName(snapshot.kit) {
                    try await catalog.replace("kit_id", snapshot.kit)
                }
                try await take(snapshot, kit, catalog, &output)
            }
            // The pins come first: whatever interrupts what follows, they are not lost again.
            try await catalog.addPins(pins, reason: "recover")
            output.pins = pins.count
            output.warnings += try await kit.writeIndexes(try kit.backendNames())
            if !metadataOnly {
                let sources = try await Sources(kit, only: source)
                output.content = try await restore(
                    pins.map(\.cid),
                    from: sources,
                    thorough: false,
                    store: store,
                    catalog: catalog,
                    kit: kit
                )
            }
            return output
        }
    }

    /// The newest snapshot that can be read; an older one where the newest is damaged.
    private func snapshot(_ backend: OpenBackend, _ kit: Kit, _ output: inout Output) async throws -> KitSnapshot? {
        guard let notes = Notes(backend.replica, backend: backend.name) else { return nil }
        let all = try await notes.list(kit: kitID)
        if let kitID, all.isEmpty {
            throw KitError(.notFound, "\(source) has no snapshot of the kit \(kitID).", backend: source)
        }
        let others = Set(all.map(\.kit))
        if others.count > 1 {
            output.warnings.append(
                "\(source) has snapshots of \(others.count) kits (\(others.sorted().joined(separator: ", "))); the newest is taken."
            )
        }
        for note in all {
            let path = temporaryName(beside: kit.home.scratch + "/snapshot")
            defer { try? removeFile(path) }
            do throws(ReplicationError) {
                let snapshot = try await notes.fetch(note, into: path)
                output.snapshot = note.name.text
                return snapshot
            } catch {
                guard KitError(error).code == .verification else { throw error }
                output.warnings.append(
                    "The snapshot \(note.name) is damaged, and an older one was looked for: \(error)"
                )
            }
        }
        return nil
    }

    /// The pins of the snapshot; or, where there is none, one for each root that the backend holds.
    private func pins(
        _ snapshot: KitSnapshot?,
        _ backend: OpenBackend,
        _ catalog: Catalog,
        _ output: inout Output
    ) async throws -> [Pin] {
        if let snapshot { return try snapshot.pins() }
        output.warnings.append(
            "\(source) has no snapshot that can be read: the roots that it holds are pinned, without names."
        )
        var pins: [Pin] = []
        for try await page in backend.replica.roots() {
            pins += page.map { Pin(cid: $0.root, createdAt: catalog.time) }
        }
        guard !pins.isEmpty else {
            throw KitError(
                .notFound,
                "\(source) holds neither a snapshot nor any root.",
                hint: "ipfs-kit backend show \(source)",
                backend: source
            )
        }
        return pins
    }

    /// Takes over mappings, and the settings of backends that this home does not have.
    private func take(_ snapshot: KitSnapshot, _ kit: Kit, _ catalog: Catalog, _ output: inout Output) async throws {
        for backend in snapshot.backends where BackendFile.isName(backend.name) {
            let path = kit.home.backendFile(backend.name)
            guard !fileExists(path) else { continue }
            try replaceFile(path, with: Array(backend.settings.utf8))
            output.backends.append(backend.name)
            let file = try? kit.backend(backend.name)
            if file?.row.fields.contains(where: { $0.isSecret && file?.settings[$0.name] == nil }) ?? true {
                output.needSecrets.append(backend.name)
            }
        }
        try await kit.registerBackends()
        let mappings = try snapshot.mappings()
        for start in stride(from: 0, to: mappings.count, by: 10_000) {
            try await catalog.record(Array(mappings[start..<min(start + 10_000, mappings.count)]))
        }
        output.mappings = mappings.count
    }

    /// What was recovered.
    package struct Output: OperationOutput {
        let source: String
        let dryRun: Bool
        var snapshot: String?
        var pins = 0
        var mappings = 0
        var backends: [String] = []
        /// Backends whose secrets are to be given again.
        var needSecrets: [String] = []
        var content: RestoreOutput?
        var warnings: [String] = []

        init(source: String, dryRun: Bool) {
            self.source = source
            self.dryRun = dryRun
        }

        package var exitCode: ExitCode { content?.exitCode ?? .ok }

        package var json: JSON {
            [
                "from": .string(source), "dry_run": .bool(dryRun), "snapshot": .text(snapshot), "pins": .count(pins),
                "mappings": .count(mappings), "backends": .array(backends.map { .string($0) }),
                "content": content?.json ?? .null, "warnings": .array(warnings.map { .string($0) }),
            ]
        }

        package var report: Report {
            var parts: [Report.Part] = [
                .facts([
                    .init("snapshot", snapshot ?? "none"), .init(dryRun ? "pins found" : "pins", String(pins)),
                    .init("mappings", String(mappings)),
                    .init("backends taken over", backends.isEmpty ? "none" : backends.joined(separator: ", ")),
                ])
            ]
            if let content { parts += content.report.parts }
            for name in needSecrets {
                parts.append(.line("Secrets are not in a snapshot. Run: ipfs-kit backend update \(name)"))
            }
            return Report(parts, warnings: warnings + (content?.report.warnings ?? []))
        }
    }
}
