internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Policies
internal import Replication
package import Schema
internal import Storage

/// Says how safe everything is, from the catalog and the store alone.
package struct Status: Operation {
    package static let name = "status"
    package static let summary = "Say what is pinned, where it is, and what is out of step; asks no backend."
    package static let details = """
        Pins that were not seen whole in the store since it last lost something are looked at. INDEX says how many changes \
        the index files of a backend lag behind the catalog, which alone counts: the next change writes them.
        """

    package init() {}

    package static let fields: [Field<Self>] = []

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let catalog = try kit.catalog()
        let identity = try await kit.identity()
        var output = Output(home: kit.home.path, list: try await BackendList().run(in: call))
        if identity.isNewInstance { output.warnings.append(Kit.copied(identity)) }
        output.sources = try kit.sourceNames()
        do throws(KitError) {
            try await look(call, &output)
        } catch {
            // What is known of backends is told all the same.
            output.storeProblem = error
        }
        return try await kitErrors {
            output.generation = try await catalog.generation()
            output.pins = try await catalog.pinCount()
            output.unprotected = try await catalog.unprotectedPins().count
            output.plan = try await SyncPlanner(kit, prune: true, force: false).plan().plan
            output.warnings += output.plan.aliasWarnings
            output.running = try await catalog.holders().map { ($0, $1) }.sorted { $0.backend < $1.backend }
            output.peers = try await catalog.activePeers(besides: identity.instance)
            return output
        }
    }

    /// Looks at the store, and at the pins of which it is not known whether they are whole there.
    private func look(_ call: Call, _ output: inout Output) async throws(KitError) {
        let store = try call.kit.store()
        output.warnings += try await call.sources().closed.map {
            "Content cannot be read from \($0.name). \($0.error.message)"
        }
        output = try await kitErrors { [output] in
            var output = output
            output.totals = try await store.totals()
            output.damagedBlocks = try await store.lost()
            do {
                try await store.checkLengths()
                output.notWhole = try await call.pinsNotWhole().map(\.root)
            } catch {
                // Which pins that costs nobody has looked at.
                output.storeProblem = KitError(any: error)
            }
            return output
        }
    }

    /// The state of the kit as the catalog and the store know it.
    package struct Output: OperationOutput {
        let home: String
        let list: BackendList.Output
        /// A number that is another where the catalog had changed.
        var generation: Int64 = 0
        var pins = 0
        /// What the store holds; nil where that cannot be told.
        var totals: (blocks: UInt64, bytes: UInt64)?
        var damagedBlocks: UInt64 = 0
        /// What is wrong with the store.
        var storeProblem: KitError?
        /// The pins that are not whole in the store; nil where that cannot be told.
        var notWhole: [CID]?
        /// Where content is read from; of what is not in the store, nobody is asked here.
        var sources = ["store"]
        var unprotected = 0
        /// What a sync would do that also removes.
        var plan = Plan()
        var running: [(backend: String, holder: LeaseHolder)] = []
        var peers: [Peer] = []
        var warnings: [String] = []

        init(home: String, list: BackendList.Output) {
            self.home = home
            self.list = list
        }

        package var exitCode: ExitCode { storeProblem?.code ?? .ok }

        private func steps(_ backend: String) -> (uploads: Int, removals: Int) {
            let steps = plan.steps[backend] ?? []
            return (steps.count(where: \.isUpload), steps.count(where: \.isRemoval))
        }

        private var removals: Int { list.rows.reduce(0) { $0 + steps($1.file.name).removals } }

        package static let outputFields: [OutputField<Self>] = [
            OutputField("home", "The kit home.", as: .path) { $0.home },
            OutputField("catalog_generation", "A number that is another where the catalog had changed.") {
                $0.generation
            },
            OutputField("pin_count", "How many roots are pinned.") { $0.pins },
            OutputField("blocks", "How many blocks the store has; null where that cannot be told.") {
                $0.totals?.blocks
            },
            OutputField("block_bytes", "How long these are.", in: .bytes) { $0.totals?.bytes },
            OutputField("damaged_blocks", "How many blocks were found damaged.") { $0.damagedBlocks },
            OutputField("store_problem", "What is wrong with the store; null where nothing is known to be.") {
                $0.storeProblem
            },
            OutputField("pins_not_whole", "How many pins are not whole in the store; null where that cannot be told.") {
                $0.notWhole?.count
            },
            OutputField("sources", "Where content is read from.") { $0.sources },
            OutputField("not_whole", "The first of these pins.") { Array(($0.notWhole ?? []).prefix(most)) },
            OutputField("pins_without_replica", "How many pins have no verified copy.") { $0.unprotected },
            OutputField("pins_short_of_replicas", "How many pins have fewer copies than they want.") {
                $0.plan.lacking.count
            },
            OutputField("short_of_replicas", "The first of these pins.") { Array($0.plan.lacking.prefix(most)) },
            OutputField("backends", "Each backend, with what is known of it.") { $0.list.rows },
            .brokenBackends { $0.list.broken },
            .list(
                "work",
                "What a sync would do.",
                of: [
                    .backend { $0.backend },
                    OutputField("uploads", "How many roots it would bring there.") { $0.uploads },
                    OutputField("removals", "How many copies it would remove with --prune.") { $0.removals },
                ]
            ) { output in
                output.list.rows.map { row in
                    let (uploads, removals) = output.steps(row.file.name)
                    return (backend: row.file.name, uploads: uploads, removals: removals)
                }
            },
            .list(
                "running",
                "Who is at work on a backend.",
                of: [
                    .backend { $0.backend },
                    OutputField("process", "The number of the process.") { UInt64($0.holder.process) },
                    OutputField("host", "The machine.") { $0.holder.host },
                ]
            ) { $0.running },
            .list(
                "other_homes",
                "Other homes that keep content from being removed.",
                of: [
                    .backend { $0.backend },
                    OutputField("home", "What it is called.") { $0.instance },
                    OutputField("kit", "The kit that it is of.") { $0.kit },
                    OutputField("last_seen", "When it was seen there last.") { $0.lastSeen },
                ]
            ) { $0.peers },
            .warnings { $0.warnings + $0.list.warnings },
        ]

        /// The most roots that are named.
        private static let most = 1000

        package var report: Report {
            var parts: [Report.Part] = [
                .facts([
                    .init("home", home), .init("pins", String(pins)),
                    .init(
                        "store",
                        totals.map { "\(ByteCount($0.bytes)) in \($0.blocks) blocks" } ?? "cannot be told"
                    ),
                    .init("pins not whole in the store", notWhole.map { String($0.count) } ?? "cannot be told"),
                    .init("pins short of their replicas", String(plan.lacking.count)),
                    .init("pins without a verified replica", String(unprotected)),
                    .init("replicas that a prune would remove", String(removals)),
                ])
            ]
            if sources != ["store"] { parts.append(.facts([.init("content is read from", Kit.shown(sources))])) }
            parts += list.report.parts
            if let storeProblem { parts.append(.line("store: \(storeProblem.message)")) }
            if damagedBlocks > 0 {
                parts.append(.line("store: \(damagedBlocks) blocks were found damaged, and not stored again."))
            }
            let place = sources == ["store"] ? "not whole" : "not whole in the store"
            parts += (notWhole ?? []).prefix(10).map { .line("\(place): \($0)") }
            for row in list.rows {
                guard let problem = row.state?.problem else { continue }
                let prefix = row.file.name + ": "
                let when = row.state?.problemAt.map { " (\($0.toTheSecond))" } ?? ""
                let what = problem.hasPrefix(prefix) ? String(problem.dropFirst(prefix.count)) : problem
                parts.append(.line("last sync of \(row.file.name)\(when): \(what)"))
            }
            for case let (name, state?) in list.rows.map({ ($0.file.name, $0.state) })
            where state.isDirty && state.syncedAt == nil && state.markedAt != nil {
                parts.append(.line("\(name): the next sync looks at everything there anew (\(state.reason))."))
            }
            for (backend, holder) in running {
                let state = holder.isStopped ? ", which is stopped" : ""
                parts.append(
                    .line("\(backend) is being synced by process \(holder.process) on \(holder.host)\(state).")
                )
            }
            for peer in peers {
                let what = "the home \(peer.instance.isEmpty ? "" : peer.instance + " ")of the kit \(peer.kit)"
                let forget = "`ipfs-kit backend peers forget \(peer.instance.isEmpty ? peer.kit : peer.instance)`"
                parts.append(
                    .line(
                        "\(peer.backend) is used by \(what) too, seen \(peer.lastSeen.day); while it is, nothing is removed there. "
                            + "If it is gone: \(forget)"
                    )
                )
            }
            for hint in hints { parts.append(.command(hint)) }
            return Report(parts, warnings: warnings + list.warnings)
        }

        private var hints: [Hint] {
            var hints: [Hint] = []
            if let hint = storeProblem?.hint { hints.append(hint) }
            // What lies at another source need not be in the store.
            if notWhole?.isEmpty == false, !list.rows.isEmpty, sources == ["store"] { hints.append(Hint(Restore.self)) }
            let isOutOfStep = list.rows.contains { $0.file.isEnabled && $0.state?.isDirty ?? false }
            if !plan.lacking.isEmpty || isOutOfStep {
                let isEnabled = list.rows.contains(where: \.file.isEnabled)
                let first = list.rows.first.map { Hint(BackendEnable.self, ["name": "\($0.file.name)"]) }
                hints.append(isEnabled ? Hint(Sync.self) : first ?? Hint(BackendCreate.self))
            }
            return hints
        }
    }
}
