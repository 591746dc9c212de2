internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Policies
internal import Replication
package import Schema
internal import Storage

/// Brings backends in step with what is pinned.
package struct Sync: ChangingOperation {
    package static let name = "sync"
    package static let summary =
        "Bring backends in step with what is pinned: only what is out of step, only what is missing."
    package static let details = """
        A backend that is in step is not asked anything. What was uploaded before an interruption is found and not sent \
        again. Each sync leaves on the backend what `recover` needs. One that comes to a bound of --max-transfer or \
        --max-duration says what is left, and ends with 8; the same command goes on.
        """

    package var names: [String] = []
    package var all = false
    package var force = false
    package var prune = false
    package var dryRun = false
    package var maxTransfer: ByteCount?
    package var maxDuration: TimeSpan?

    package init() {}

    package static let fields: [Field<Self>] = [
        .enabledBackends(\.names),
        .allBackends(\.all),
        Field(
            "force",
            \.force,
            help:
                "Look anew at everything that each backend holds, also where it is in step. One that does not show what this "
                + "home left there, such as an emptied disk, is taken for a new place, and filled."
        ),
        Field("prune", \.prune, help: "Remove verified replicas that no pin wants."),
        Field(
            "max_transfer",
            \.maxTransfer,
            help:
                "Send CARs of roots of no more than so many bytes, to all backends together; what does not fit is left."
        ),
        Field(
            "max_duration",
            \.maxDuration,
            help: "Begin nothing more after so long; what was begun is brought to its end, and what is left is said."
        ),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> SyncOutput {
        let kit = call.kit
        try Kit.check(names, all: all, of: Self.self)
        let (files, addresses, broken) = try await choose(call)
        var ready = try SyncPlanner(kit, prune: prune, force: force)
        (ready.addresses, ready.able) = (addresses, Set(files.map(\.name)))
        ready.remembers = !dryRun
        let planner = ready
        return try await kitErrors {
            let (plan, states) = try await planner.plan()
            let transfers = try await planner.catalog.transferCounts()
            if dryRun {
                let own = try await planner.catalog.identity().instance
                let peers = try await planner.catalog.activePeers(besides: own).map(\.backend)
                let moved = files.map(\.name).filter { name in
                    guard let state = states[name], let address = addresses[name] else { return false }
                    return !state.leads(to: address)
                }
                let isBound = maxTransfer != nil || maxDuration != nil
                let (plan, refused) = try await SyncPlanner.withoutRefused(plan, files, kit)
                return SyncOutput(
                    isBound: isBound,
                    plan: plan,
                    names: files.map(\.name),
                    broken: broken,
                    shared: Set(peers),
                    moved: moved,
                    warnings: aboutGivers(files) + plan.staying(on: files) + refused
                )
            }
            let engine = try await self.engine(call)
            let busy = files.filter { file in
                guard let state = states[file.name], let address = addresses[file.name] else { return true }
                let work = SyncEngine.Work(state, plan.steps[file.name] ?? [], plan.aliases[file.name])
                return engine.isDue(work, at: address, force: force, hasTransfers: transfers[file.name] != nil)
            }
            let clean = files.filter { file in !busy.contains { $0.name == file.name } }.map(SyncResult.clean)
            let budget = SyncBudget(
                bytes: maxTransfer?.bytes,
                seconds: maxDuration?.seconds,
                timing: kit.timing
            )
            let count = busy.reduce(0) { $0 + (plan.steps[$1.name]?.count ?? 0) }
            if !busy.isEmpty { call.progress.began("sync", items: count) }
            defer { if !busy.isEmpty { call.progress.ended() } }
            let mode = SyncEngine.Mode(force: force, prune: prune, budget: budget)
            var results = await withManyAtOnce { await sync(busy, mode, at: addresses, planner, engine, call) } + clean
            // What is short, and what is one place, is said of the places as they turned out to be.
            var rest = SyncPlanner(catalog: planner.catalog, places: planner.places, prune: false, force: false)
            rest.addresses = addresses
            var (before, left) = (plan, Plan())
            // A place that turned out to have two names takes each root once: what it was to take under the other goes
            // elsewhere, unless that has failed already. What could not be brought by one name goes there by another.
            for _ in files {
                let whole = Set(results.filter { $0.failure == nil }.map(\.backend))
                rest.able = whole
                left = try await rest.plan().plan
                let again = files.filter { file in
                    whole.contains(file.name) && left.steps[file.name]?.contains(where: \.isUpload) == true
                }
                guard left.aliases != before.aliases, !again.isEmpty else { break }
                before = left
                let mode = SyncEngine.Mode(force: false, prune: false, budget: budget)
                let later = await withManyAtOnce { [rest] in
                    await sync(again, mode, at: addresses, rest, engine, call)
                }
                results = results.map { first in
                    later.first { $0.backend == first.backend }.map(first.followed) ?? first
                }
            }
            var warnings = aboutGivers(files) + plan.staying(on: files)
            warnings += try await kit.writeIndexes(files.map(\.name))
            if engine.identity.isNewInstance { warnings.append(Kit.copied(engine.identity)) }
            return SyncOutput(
                results: (results + broken).sorted { $0.backend < $1.backend },
                left: left,
                warnings: warnings
            )
        }
    }

    /// What to say of backends that only give, to whoever named them or has no others.
    private func aboutGivers(_ files: [BackendFile]) -> [String] {
        let givers = files.filter(\.onlyGives)
        return !names.isEmpty || givers.count == files.count ? givers.map(\.givesSentence) : []
    }

    private static func removed(_ backend: String) -> KitError {
        KitError(.noSuchBackend, "The backend \(backend) was removed meanwhile.", backend: backend)
    }

    /// The backends to look at with where each leads, and those of which that cannot be read: they must not stop the
    /// others.
    private func choose(
        _ call: Call
    ) async throws(KitError) -> (files: [BackendFile], addresses: [String: BackendState.Address], broken: [SyncResult])
    {
        _ = try call.kit.catalog()
        let chosen = try await call.kit.chooseBackends(names)
        guard !chosen.files.isEmpty || !chosen.broken.isEmpty else {
            throw try call.kit.noEnabledBackend()
        }
        var (files, addresses): ([BackendFile], [String: BackendState.Address]) = ([], [:])
        var broken = chosen.broken.map { SyncResult(backend: $0.name, error: $0.error) }
        for file in chosen.files {
            do throws(KitError) {
                addresses[file.name] = try await call.kit.address(of: file)
                files.append(file)
            } catch {
                broken.append(SyncResult(backend: file.name, error: error))
            }
        }
        return (files, addresses, broken)
    }

    private func engine(_ call: Call) async throws(KitError) -> SyncEngine {
        var settings: [KitSnapshot.Backend] = []
        for name in try call.kit.backendNames() {
            guard let file = try? call.kit.backend(name) else { continue }
            settings.append(KitSnapshot.Backend(name: name, settings: file.textWithoutSecrets()))
        }
        let identity = try await call.kit.identity()
        let store = StoreSource(try call.kit.store())
        return SyncEngine(
            source: try await call.sources().all,
            store: store,
            catalog: try call.kit.catalog(),
            witnesses: Witnesses(
                store,
                try call.kit.catalog(),
                identity,
                observer: call.kit.observer,
                timing: call.kit.timing
            ) { name in try await withFiles { try await call.kit.openAsKnown(try call.kit.backend(name)) } },
            identity: identity,
            observer: call.kit.observer,
            timing: call.kit.timing,
            progress: call.progress,
            settings: settings,
            scratch: call.kit.home.scratch,
            leaseTime: try call.kit.leaseTime()
        )
    }

    private func sync(
        _ files: [BackendFile],
        _ mode: SyncEngine.Mode,
        at addresses: [String: BackendState.Address],
        _ planner: SyncPlanner,
        _ engine: SyncEngine,
        _ call: Call
    ) async -> [SyncResult] {
        await withTaskGroup(of: SyncResult.self) { group in
            for file in files {
                guard let address = addresses[file.name] else { continue }
                group.addTask {
                    do {
                        let report = try await engine.sync(file.name, mode, at: address) { gate in
                            try await withFiles {
                                await call.kit.forgetAnswers([.snapshots], of: file.name)
                                return try await call.kit.open(file, gate: gate)
                            }
                        } plan: {
                            guard let work = try await planner.work(on: file.name) else {
                                throw Self.removed(file.name)
                            }
                            return work
                        }
                        return SyncResult(backend: file.name, report: report)
                    } catch {
                        return SyncResult(backend: file.name, error: KitError(any: error))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }
}
