internal import BlockStore
internal import Catalog
internal import IPLD
internal import Multiformats
internal import POSIX
internal import Replication
package import Schema
internal import Storage

/// Rebuilds a whole kit home from one backend.
package struct Recover: ChangingOperation {
    package static let name = "recover"
    package static let summary =
        "Rebuild a kit home from one backend alone: pins, names, mappings and settings, then content."
    package static let details = """
        On a new machine: ipfs-kit init; ipfs-kit backend create my-s3 s3 …; ipfs-kit recover --from my-s3
        Interrupted, it goes on where it stopped. What the home has already stays, unless it was changed later elsewhere; no \
        pin wants fewer replicas by that, and what was unpinned here since stays so. Settings of other backends come from the \
        snapshot disabled: look at them, and enable them with `ipfs-kit backend enable NAME`.
        """

    package var source = ""
    package var kitID: String?
    package var snapshotID: String?
    package var metadataOnly = false
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("from", \.source, help: "The backend.", as: .backend, required: true),
        Field(
            "kit",
            \.kitID,
            help: "The kit whose snapshot is taken, where the backend has those of several."
        ),
        Field("snapshot", \.snapshotID, help: "The snapshot to take, as `ipfs-kit snapshot list` names it."),
        Field("metadata_only", \.metadataOnly, help: "Leave content where it is; `restore` brings it later."),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let file = try await kit.backends([source])[0]
        let backend = try await kit.open(file, gate: ClosedGate(mayRecall: true))
        guard backend.content.objects != nil || backend.content.capabilities.contains(.listing) else {
            throw KitError(
                .refused,
                "\(source) has no room for what homes leave, and lists nothing: no home can be rebuilt from it. Content that "
                    + "it has comes back with `restore`.",
                hint: Hint(Restore.self, ["from": source]),
                backend: source
            )
        }
        let catalog = try kit.catalog()
        let store = try kit.store()
        return try await kitErrors {
            var output = Output(source: source, dryRun: dryRun)
            // A disk that is not mounted looks like one on which nothing is.
            let own = try await kit.identity()
            try await kit.expectPlace(backend)
            let isKnown = if dryRun { true } else { try await kit.arrive(at: file) }
            var entries = try await HomeRegister(backend)?.list() ?? HomeRegister.Entries()
            // Who has nothing has not to recover from what he left himself, by a sync in between.
            let others = entries.snapshots.filter { $0.instance != own.instance }
            if snapshotID == nil, try await catalog.pinCount() == 0, !others.isEmpty { entries.snapshots = others }
            let known = Dictionary(try await catalog.pins().map { ($0.cid, $0) }) { first, _ in first }
            let (found, damaged) = try await snapshot(
                backend,
                entries,
                kit,
                known.isEmpty ? nil : own.kit,
                &output
            )
            let search = RecoveredPins(
                snapshots: Snapshots(backend),
                scratch: kit.home.scratch,
                entries: entries,
                known: known,
                unpinned: try await catalog.unpinned(),
                knownSnapshots: try await catalog.knownSnapshots(),
                isChosen: snapshotID != nil,
                kit: kitID ?? (known.isEmpty ? nil : own.kit),
                isKitChosen: kitID != nil
            )
            let told = try await search.find(found, on: backend, catalog, &output)
            let pins = told.pins
            output.kit = output.kit ?? told.kit
            let fresh = pins.filter { known[$0.cid] == nil }
            let named = pins.compactMap { $0.news(for: known[$0.cid]) }
            (output.pins, output.newPins, output.namedPins) = (pins.count, fresh.count, named.count)
            let takeover = try found.map {
                try Takeover($0, kit, catalog, source: .init(source, told.held, isKnown))
            }
            if dryRun {
                try await takeover?.look(&output)
                return output
            }
            // A home that is new goes on as the kit that was lost; one that has pins stays what it is.
            if known.isEmpty, let lost = found?.snapshot.kit ?? told.kit, BackendFile.isName(lost) {
                try await catalog.replace("kit_id", lost)
            }
            // The pins come first: whatever interrupts what follows, they are not lost again.
            if !fresh.isEmpty || !named.isEmpty { try await catalog.addPins(fresh + named, reason: "recover") }
            // From now on this home knows what is in them.
            try await catalog.noteKnown(told.read.map { ($0.instance, $0.time) })
            if let found {
                try await catalog.noteKnown(found.snapshot.known.map { ($0.key, $0.value) })
                // Those that were passed over have nothing more to tell.
                try await takeover?.carryOut(upTo: damaged.first ?? found.name, &output)
            }
            output.warnings += try await kit.writeIndexes(try kit.backendNames())
            output.warnings += try await kit.sayAtWork(on: [file])
            if !metadataOnly {
                let job = RestoreJob(
                    call: call,
                    catalog: catalog,
                    store: store,
                    sources: try await Sources(call, only: source),
                    thorough: false
                )
                // And what an earlier recovery pinned, and did not come to bring.
                let others = known.keys.filter { told.held[$0] != nil }
                output.content = try await job.run(Set(pins.map(\.cid)).union(others).sorted())
            }
            return output
        }
    }

    /// The newest snapshot that can be read; an older one where the newest is damaged, and where all are, what can be
    /// read of the newest.
    private func snapshot(
        _ backend: OpenBackend,
        _ entries: HomeRegister.Entries,
        _ kit: Kit,
        _ ownKit: String?,
        _ output: inout Output
    ) async throws -> (found: TakenSnapshot?, damaged: [SnapshotName]) {
        guard let snapshots = Snapshots(backend) else { return (nil, []) }
        var damaged: [SnapshotName] = []
        var part: TakenSnapshot?
        let wanted = kitID ?? (entries.snapshots.contains { $0.kit == ownKit } ? ownKit : nil)
        let all = entries.snapshots.filter { wanted == nil || $0.kit == wanted }
        if let kitID, all.isEmpty {
            throw KitError(.notFound, "\(source) has no snapshot of the kit \(kitID).", backend: source)
        }
        let chosen = try snapshotID.map { [try SnapshotName.named($0, among: all, on: source)] } ?? all
        if snapshotID == nil {
            try refuseSeveralKits(all)
            output.warnings += lone(entries.pages, besides: all)
        }
        for name in chosen {
            let path = temporaryName(beside: kit.home.scratch + "/snapshot")
            defer { try? removeFile(path) }
            var opened: KitSnapshot?
            do throws(ReplicationError) {
                let snapshot = try await snapshots.fetch(name, into: path)
                opened = snapshot
                // A row that cannot be read is damage, too.
                let found = TakenSnapshot(name, snapshot, pins: try snapshot.pins(), mappings: try snapshot.mappings())
                (output.snapshot, output.kit) = (name.name.text, snapshot.kit)
                return (found, damaged)
            } catch {
                let remains = part == nil ? opened.flatMap { try? $0.remains() } : nil
                if let opened, let remains { part = TakenSnapshot(name, opened, remains) }
                guard KitError(error).code == .verification, snapshotID == nil || part != nil else { throw error }
                damaged.append(name)
                output.lostSnapshots.append(name.name.text)
                output.warnings.append(
                    snapshotID == nil
                        ? "The snapshot \(name.name) is damaged, and an older one was looked for: \(error)"
                        : "The snapshot \(name.name) is damaged: \(error)"
                )
            }
        }
        guard let part, let lost = part.lost else { return (nil, damaged) }
        (output.snapshot, output.kit) = (part.name.name.text, part.snapshot.kit)
        output.warnings.append(
            "No snapshot is whole; \(part.pins.count) pins and \(part.mappings.count) mappings of \(part.name.name) can be read, and "
                + "\(lost) cannot."
        )
        return (part, damaged)
    }

    /// What to say of pages that were left with a snapshot that is newer than all that are there of its home.
    private func lone(_ pages: [PagesName], besides all: [SnapshotName]) -> [String] {
        var told: Set<[String]> = []
        return pages.filter { pages in
            let ofHome = all.filter { $0.kit == pages.kit && $0.instance == pages.instance }
            let isNewer = ofHome.map(\.time).max().map { $0 < pages.time } ?? true
            // The pages of one snapshot may be in several objects.
            return isNewer && told.insert([pages.kit, pages.instance, "\(pages.time)"]).inserted
        }.map { pages in
            "\(pages.name) on \(source) belongs to a snapshot of the home \(pages.instance) that is not there: the sync that left it "
                + "is at work still or was stopped, or the snapshot was lost, and what only that one had is not recovered."
        }
    }

    /// Throws where snapshots are of several kits: nobody but the owner knows which of them was lost.
    private func refuseSeveralKits(_ all: [SnapshotName]) throws(KitError) {
        var newest: [SnapshotName] = []
        for name in all where !newest.contains(where: { $0.kit == name.kit }) { newest.append(name) }
        guard newest.count > 1, let first = newest.first else { return }
        let kits = newest.map { "\($0.kit) (\(Timestamp(milliseconds: $0.time).day))" }.joined(separator: ", ")
        throw KitError(
            .refused,
            "\(source) has snapshots of \(newest.count) kits, each with the day of its newest: \(kits). Say with --kit which of them "
                + "was lost; `ipfs-kit snapshot show \(source) ID` has the pins of one.",
            hint: Hint(Recover.self, ["from": source, "kit": first.kit]),
            backend: source
        )
    }

    /// What was recovered.
    package struct Output: OperationOutput {
        let source: String
        let dryRun: Bool
        var snapshot: String?
        /// The kit that made the snapshot.
        var kit: String?
        var pins = 0
        /// Pins that the home did not have.
        var newPins = 0
        /// Pins that the home had, and of which the snapshots say something later.
        var namedPins = 0
        var mappings = 0
        /// Backends whose settings were taken over; they are disabled until the owner has looked at them.
        var backends: [String] = []
        /// Backends of which the home has settings of its own already.
        var keptBackends: [String] = []
        var content: RestoreOutput?
        /// Snapshots that are damaged: newer ones than the one that was taken, and those of other homes of the kit.
        var lostSnapshots: [String] = []
        /// Pins that nobody can have.
        var leftOut = 0
        var warnings: [String] = []

        init(source: String, dryRun: Bool) {
            self.source = source
            self.dryRun = dryRun
        }

        package var whatFailed: String? { content?.whatFailed ?? warnings.first }

        package var exitCode: ExitCode {
            let code = content?.exitCode ?? .ok
            return code == .ok && (!lostSnapshots.isEmpty || leftOut > 0) ? .partlyFailed : code
        }

        package static let outputFields: [OutputField<Self>] = [
            OutputField("from", "The backend.", as: .backend) { $0.source },
            .dryRun { $0.dryRun },
            OutputField("snapshot", "The snapshot that was taken over.") { $0.snapshot },
            OutputField("kit", "The kit that made it.") { $0.kit },
            OutputField("pin_count", "How many pins are in it.") { $0.pins },
            OutputField("new_pins", "How many of them this home did not have.") { $0.newPins },
            OutputField("named_pins", "Of how many something later was known there.") { $0.namedPins },
            OutputField("mapping_count", "How many mappings were taken over.") { $0.mappings },
            OutputField("new_backends", "Backends whose settings were taken over; they are disabled.", as: .backend) {
                $0.backends
            },
            OutputField("kept_backends", "Backends of which this home has settings of its own.", as: .backend) {
                $0.keptBackends
            },
            OutputField("lost_snapshots", "Snapshots that are damaged.") { $0.lostSnapshots },
            OutputField("left_out_count", "How many pins nobody can have.") { $0.leftOut },
            OutputField("content", "What came of the content; null where it was left where it is.") { $0.content },
            .warnings { $0.warnings },
        ]

        package var report: Report {
            func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
            var parts: [Report.Part] = [
                .facts([
                    .init("snapshot", snapshot ?? "none"), .init("of the kit", kit ?? "none"),
                    .init(
                        "pins",
                        "\(pins), of which \(newPins) \(dryRun ? "would be" : "are") new"
                            + (namedPins > 0 ? " and \(namedPins) get what was said of them later" : "")
                    ),
                    .init("mappings \(dryRun ? "to be taken over" : "taken over")", String(mappings)),
                    .init("backends \(dryRun ? "to be taken over" : "taken over")", list(backends)),
                    .init("backends that stay as they are", list(keptBackends)),
                ])
            ]
            if let content { parts += content.report.parts }
            if !backends.isEmpty, !dryRun {
                parts.append(
                    .line(
                        "Settings that come from a snapshot are disabled, and nothing in them is used: look at them, give "
                            + "secrets again, and enable them."
                    )
                )
                for name in backends {
                    parts.append(.command(Hint(BackendShow.self, ["name": name])))
                    parts.append(.command(Hint(BackendEnable.self, ["name": name])))
                }
            }
            return Report(parts, warnings: warnings + (content?.report.warnings ?? []))
        }
    }
}

/// A snapshot with what could be read of it.
struct TakenSnapshot: Sendable {
    let name: SnapshotName
    let snapshot: KitSnapshot
    let pins: [Pin]
    let mappings: [Mapping]
    /// What of it cannot be read, in words; nil where all can.
    let lost: String?

    init(_ name: SnapshotName, _ snapshot: KitSnapshot, pins: [Pin], mappings: [Mapping]) {
        (self.name, self.snapshot, self.pins, self.mappings) = (name, snapshot, pins, mappings)
        lost = nil
    }

    init(_ name: SnapshotName, _ snapshot: KitSnapshot, _ remains: KitSnapshot.Remains) {
        (self.name, self.snapshot, pins, mappings) = (name, snapshot, remains.pins, remains.mappings)
        lost = "\(remains.lostPins) pins and \(remains.lostMappings) mappings"
    }
}
