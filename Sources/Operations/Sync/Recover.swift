internal import BlockStore
internal import Catalog
internal import IPLD
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
        Interrupted, it goes on where it stopped. What the home has already stays. Settings of other backends come from the \
        snapshot disabled: look at them, and enable them with `ipfs-kit backend enable NAME`.
        """
    package static let changes = true

    package var source = ""
    package var kitID: String?
    package var snapshotID: String?
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
        Field("snapshot", \.snapshotID, help: "The snapshot to take, as `ipfs-kit snapshot list` names it."),
        Field("metadata_only", \.metadataOnly, help: "Leave content where it is; `restore` brings it later."),
        Field("dry_run", \.dryRun, help: "Say what would be recovered, and change nothing."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let file = try await kit.backends([source])[0]
        let backend = try await kit.open(file, gate: ClosedGate())
        let catalog = try kit.catalog()
        let store = try kit.store()
        return try await kitErrors {
            var output = Output(source: source, dryRun: dryRun)
            // A disk that is not mounted looks like one on which nothing is.
            let own = try await kit.identity()
            try await kit.expectPlace(backend)
            var entries = try await HomeRegister(backend)?.list() ?? HomeRegister.Entries()
            // Who has nothing has not to recover from what he left himself, by a sync in between.
            let others = entries.snapshots.filter { $0.instance != own.instance }
            if snapshotID == nil, try await catalog.pinCount() == 0, !others.isEmpty { entries.snapshots = others }
            let found = try await snapshot(backend, entries, kit, &output)
            let (relatives, unread) = try await relatives(of: found?.name, backend, entries, kit, &output)
            let told = try await pins(
                found?.snapshot,
                relatives,
                backend,
                isShared: entries.kits.count > 1,
                catalog,
                &output
            )
            let pins = try await sensible(told, catalog, &output)
            output.lostSnapshots += unread
            // What the home has stays as it is.
            let known = Set(try await catalog.pins().map(\.cid))
            let fresh = pins.filter { !known.contains($0.cid) }
            output.pins = pins.count
            output.newPins = fresh.count
            let takeover = try found.map { try Takeover($0.snapshot, kit, catalog, source: source) }
            if dryRun {
                try await takeover?.look(&output)
                return output
            }
            if let found {
                // A home that is new goes on as the kit that was lost; one that has pins stays what it is.
                if known.isEmpty, BackendFile.isName(found.snapshot.kit) {
                    try await catalog.replace("kit_id", found.snapshot.kit)
                }
                try await takeover?.carryOut(found.name, &output)
            }
            // The pins come first: whatever interrupts what follows, they are not lost again.
            if !fresh.isEmpty { try await catalog.addPins(fresh, reason: "recover") }
            output.warnings += try await kit.writeIndexes(try kit.backendNames())
            output.warnings += try await kit.sayAtWork(on: [file])
            if !metadataOnly {
                let job = RestoreJob(
                    kit: kit,
                    catalog: catalog,
                    store: store,
                    sources: try await Sources(kit, only: source),
                    thorough: false
                )
                output.content = try await job.run(pins.map(\.cid))
            }
            return output
        }
    }

    /// The newest snapshot that can be read; an older one where the newest is damaged.
    private func snapshot(
        _ backend: OpenBackend,
        _ entries: HomeRegister.Entries,
        _ kit: Kit,
        _ output: inout Output
    ) async throws -> (name: SnapshotName, snapshot: KitSnapshot)? {
        guard let snapshots = Snapshots(backend) else { return nil }
        let all = entries.snapshots.filter { kitID == nil || $0.kit == kitID }
        if let kitID, all.isEmpty {
            throw KitError(.notFound, "\(source) has no snapshot of the kit \(kitID).", backend: source)
        }
        let chosen = try snapshotID.map { [try SnapshotName.named($0, among: all, on: source)] } ?? all
        let kits = Set(all.map(\.kit))
        if kits.count > 1, snapshotID == nil {
            output.warnings.append(
                "\(source) has snapshots of \(kits.count) kits (\(kits.sorted().joined(separator: ", "))); the newest is taken."
            )
        }
        for name in chosen {
            let path = temporaryName(beside: kit.home.scratch + "/snapshot")
            defer { try? removeFile(path) }
            do throws(ReplicationError) {
                let snapshot = try await snapshots.fetch(name, into: path)
                // A row that cannot be read is damage, too.
                _ = (try snapshot.pins(), try snapshot.mappings())
                (output.snapshot, output.kit) = (name.name.text, snapshot.kit)
                return (name, snapshot)
            } catch {
                guard KitError(error).code == .verification, snapshotID == nil else { throw error }
                output.lostSnapshots.append(name.name.text)
                output.warnings.append(
                    "The snapshot \(name.name) is damaged, and an older one was looked for: \(error)"
                )
            }
        }
        return nil
    }

    /// Tells of what another home of the kit has pinned, and the one of the snapshot took away.
    private func tellUnpinned(_ roots: Set<CID>, _ output: inout Output) {
        guard let one = roots.min() else { return }
        output.warnings.append(
            "Another home of the kit has \(roots.count) pins that the home of this snapshot took away, such as \(one): `ipfs-kit snapshot list "
                + "\(source)` names its snapshots, and `recover --snapshot` takes them over."
        )
    }

    /// The same pins, without what no command could have made: rows of a snapshot may be a stranger's.
    private func sensible(_ pins: [Pin], _ catalog: Catalog, _ output: inout Output) async throws -> [Pin] {
        let possible = pins.filter { (try? $0.cid.checkLimits(length: 0)) != nil }
        output.leftOut = pins.count - possible.count
        if output.leftOut > 0 {
            output.warnings.append("\(output.leftOut) pins have CIDs that no content may have; they are left out.")
        }
        let bad = try await catalog.noMetadata(among: Set(possible.map(\.metadata)))
        let isOff = { (pin: Pin) in bad.contains(pin.metadata) || pin.replicas ?? 0 < 0 }
        let count = possible.count(where: isOff)
        guard count > 0 else { return possible }
        output.warnings.append(
            "\(count) pins have metadata that is none in the snapshot, or less than no replicas; that is left out."
        )
        return possible.map { pin in
            var pin = pin
            if bad.contains(pin.metadata) { pin.metadata = "{}" }
            if pin.replicas ?? 0 < 0 { pin.replicas = nil }
            return pin
        }
    }

    /// The pins that other homes of the kit left in their newest snapshots, for none of them knew what the others
    /// pinned; and the snapshots that cannot be read.
    private func relatives(
        of taken: SnapshotName?,
        _ backend: OpenBackend,
        _ entries: HomeRegister.Entries,
        _ kit: Kit,
        _ output: inout Output
    ) async throws -> (pins: [CID: Pin], unread: [String]) {
        guard let taken, snapshotID == nil, let snapshots = Snapshots(backend) else { return ([:], []) }
        var homes: Set<String> = ["", taken.instance]
        var pins: [CID: Pin] = [:]
        var unread: [String] = []
        for name in entries.snapshots where name.kit == taken.kit && homes.insert(name.instance).inserted {
            let path = temporaryName(beside: kit.home.scratch + "/snapshot")
            defer { try? removeFile(path) }
            do throws(ReplicationError) {
                let found = try await snapshots.fetch(name, into: path).pins()
                pins.merge(found.map { ($0.cid, $0) }) { $0.updatedAt >= $1.updatedAt ? $0 : $1 }
            } catch {
                guard KitError(error).code == .verification else { throw error }
                unread.append(name.name.text)
                output.warnings.append(
                    "The snapshot \(name.name) of another home of the kit is damaged: what only that home pinned has no name."
                )
            }
        }
        return (pins, unread)
    }

    /// The pins of the snapshot, and one for each root that was stored after it, as far as it can be told.
    ///
    /// Where a newer snapshot is lost, or there is none, that is every other root that the backend holds. Otherwise it
    /// is every one that the snapshot says nothing of: a removed pin is known there. Another kit that uses the place
    /// may have stored that too, so it is only told then, but for what another home of the kit had pinned.
    private func pins(
        _ snapshot: KitSnapshot?,
        _ relatives: [CID: Pin],
        _ backend: OpenBackend,
        isShared: Bool,
        _ catalog: Catalog,
        _ output: inout Output
    ) async throws -> [Pin] {
        var known: Set<CID> = []
        // Whoever made the snapshot may have written a pin into it many times.
        var pins = try (snapshot?.pins() ?? []).filter { known.insert($0.cid).inserted }
        // Of two homes that went their own ways, each may have been the last to change a pin.
        pins = pins.map { pin in relatives[pin.cid].map { $0.updatedAt > pin.updatedAt ? $0 : pin } ?? pin }
        let wanted = known
        if let snapshot, output.lostSnapshots.isEmpty { known.formUnion(try snapshot.mappings().map(\.cid)) }
        tellUnpinned(Set(relatives.keys).intersection(known).subtracting(wanted), &output)
        let news = relatives.values.filter { known.insert($0.cid).inserted }
        if !news.isEmpty {
            output.warnings.append(
                "Other homes of the kit had pinned \(news.count) roots besides; they are pinned too."
            )
            pins += news.sorted { $0.cid < $1.cid }
        }
        var others: [CID] = []
        for try await page in backend.replica.roots() {
            others += page.map(\.root).filter { known.insert($0).inserted }
        }
        if snapshot != nil, others.isEmpty { return pins }
        let count = "\(others.count) roots that \(source) holds"
        if snapshot != nil, output.lostSnapshots.isEmpty, isShared {
            output.warnings.append(
                "The snapshot says nothing of \(count): another kit may have stored them. They are not pinned."
            )
            return pins
        }
        let which = snapshot == nil ? "There is no snapshot that can be read" : "The snapshot says nothing of some"
        output.warnings.append("\(which): \(count) are pinned without names.")
        pins += others.map { Pin(cid: $0, createdAt: catalog.time) }
        guard !pins.isEmpty else {
            if let lost = output.lostSnapshots.first {
                throw KitError(
                    .verification,
                    "\(source) has \(output.lostSnapshots.count) snapshots, none of which can be read, such as \(lost), and no root.",
                    hint: "ipfs-kit snapshot list \(source)",
                    backend: source
                )
            }
            throw KitError(
                .notFound,
                "\(source) holds neither a snapshot nor any root.",
                hint: "ipfs-kit backend show \(source)",
                backend: source
            )
        }
        return pins
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

        package var exitCode: ExitCode {
            let code = content?.exitCode ?? .ok
            return code == .ok && (!lostSnapshots.isEmpty || leftOut > 0) ? .partlyFailed : code
        }

        package var json: JSON {
            [
                "from": .string(source), "dry_run": .bool(dryRun), "snapshot": .text(snapshot),
                "kit": .text(kit), "pins": .count(pins),
                "new_pins": .count(newPins), "mappings": .count(mappings),
                "backends": .array(backends.map { .string($0) }),
                "kept_backends": .array(keptBackends.map { .string($0) }),
                "lost_snapshots": .array(lostSnapshots.map { .string($0) }), "left_out": .count(leftOut),
                "content": content?.json ?? .null,
                "warnings": .array(warnings.map { .string($0) }),
            ]
        }

        package var report: Report {
            func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }
            var parts: [Report.Part] = [
                .facts([
                    .init("snapshot", snapshot ?? "none"), .init("of the kit", kit ?? "none"),
                    .init("pins", "\(pins), of which \(newPins) \(dryRun ? "would be" : "are") new"),
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
                    parts.append(.command("ipfs-kit backend show \(name); ipfs-kit backend enable \(name)"))
                }
            }
            return Report(parts, warnings: warnings + (content?.report.warnings ?? []))
        }
    }
}
