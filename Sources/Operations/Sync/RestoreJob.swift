internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Replication
internal import Schema
internal import Storage

/// Backends that were opened because something may be fetched from them.
struct Sources: Sendable {
    let open: [String: OpenBackend]
    /// Backends that could not even be opened.
    let broken: [String: KitError]
    /// Backends that lead elsewhere than at their last sync: what is read there is checked, and not written down.
    let elsewhere: Set<String>
    /// Whether these are all that there are.
    let isAll: Bool
    /// The places besides the store that content is read from, and their names: asked for what no backend gave as a
    /// whole.
    let others: (source: any BlockSource, names: String)?

    /// Opens every backend, or one.
    init(_ call: Call, only: String?) async throws(KitError) {
        var open: [String: OpenBackend] = [:]
        var broken: [String: KitError] = [:]
        var elsewhere: Set<String> = []
        try await call.kit.meetBackends()
        let names = if let only { [only] } else { try call.kit.backendNames() }
        for name in names {
            do throws(KitError) {
                let file = try call.kit.backend(name)
                // What only passes on what others have is not asked beside them.
                guard only != nil || !file.row.capabilities.contains(.relays) else { continue }
                let backend = try await call.kit.open(file, gate: ClosedGate(mayRecall: true))
                if try await !call.kit.arrive(at: file) { elsewhere.insert(name) }
                open[name] = backend
            } catch {
                if only != nil { throw error }
                broken[name] = error
            }
        }
        self.open = open
        self.broken = broken
        self.elsewhere = elsewhere
        isAll = only == nil
        let places = try call.kit.sourceNames().filter { $0 != "store" }.joined(separator: ", ")
        others = only == nil ? try await call.sources().others.map { ($0, places) } : nil
    }

    /// Where a root may be: first where it was verified, then where somebody claims it is, then everywhere else, and
    /// last with those that only give, where nobody ever stored it.
    ///
    /// On each backend every path that is known of it is tried, and the usual one.
    func candidates(
        _ root: CID,
        _ mappings: [Mapping],
        _ seen: [(backend: String, seen: Observation)]
    ) -> [Restorer.Source] {
        let known = mappings.sorted { (rank($0.status), $0.backend) < (rank($1.status), $1.backend) }
        let others = open.filter { name, _ in !known.contains { $0.backend == name } }
        let last = others.sorted { (rank($0.value), $0.key) < (rank($1.value), $1.key) }
        let names = known.map(\.backend) + last.map(\.key)
        return names.flatMap { name -> [Restorer.Source] in
            guard let backend = open[name] else { return [] }
            let here = known.filter { $0.backend == name }
            let told = here.compactMap(\.location) + seen.filter { $0.backend == name }.compactMap(\.seen.place)
            let usual = (try? backend.content.location(for: root)).map { [$0] } ?? []
            var tried: Set<[String]> = []
            return (told + usual).filter { tried.insert([$0.path] + $0.shards.map(\.name)).inserted }.map { location in
                Restorer.Source(
                    backend: backend,
                    at: location,
                    // What somebody says of the length is no reason to call what is there damaged.
                    size: here.first { $0.location == location }?.observedSize
                )
            }
        }
    }

    private func rank(_ backend: OpenBackend) -> Int { backend.content.capabilities.contains(.write) ? 0 : 1 }

    private func rank(_ status: Mapping.Status) -> Int {
        switch status {
        case .stored: 0
        case .pending: 1
        case .unknown, .failed: 2
        case .corrupt: 3
        case .missing: 4
        }
    }
}

/// Makes sure that roots are whole in the store, and writes down what was read back.
struct RestoreJob: Sendable {
    let call: Call
    let catalog: Catalog
    let store: BlockStore
    let sources: Sources
    var thorough: Bool

    private let restorer: Restorer

    init(call: Call, catalog: Catalog, store: BlockStore, sources: Sources, thorough: Bool) {
        (self.call, self.catalog, self.store, self.sources) = (call, catalog, store, sources)
        self.thorough = thorough
        restorer = call.restorer(of: store)
    }

    /// Says what is not whole, and where it would be looked for; no backend is asked.
    func look(_ roots: [CID]) async throws -> RestoreOutput {
        var output = RestoreOutput(broken: broken, isOfAll: sources.isAll, isDryRun: true)
        for root in roots {
            if try await restorer.isWhole(root, thorough: thorough) {
                output.whole += 1
                continue
            }
            let candidates = try await Known([root], catalog).candidates(root, among: sources)
            let places = candidates.map { ($0.backend.name, $0.location?.path) }
            let others: [(String, String?)] = sources.others.map { [($0.names, nil)] } ?? []
            output.planned.append((root, places + others))
        }
        return output
    }

    /// Brings back what is missing; one root that cannot be had does not keep the others.
    func run(_ roots: [CID]) async throws -> RestoreOutput {
        call.progress.began("restore", items: roots.count)
        defer { call.progress.ended() }
        var output = RestoreOutput(broken: broken, isOfAll: sources.isAll)
        var leases: [String: Lease] = [:]
        do {
            try await run(roots, &output, &leases)
        } catch {
            for lease in leases.values { try? await catalog.release(lease) }
            throw error
        }
        for lease in leases.values { try await catalog.release(lease) }
        output.warnings = try await call.kit.writeIndexes(leases.keys.sorted())
        return output
    }

    private func run(
        _ roots: [CID],
        _ output: inout RestoreOutput,
        _ leases: inout [String: Lease]
    ) async throws {
        let thorough = try await looksAtBytes()
        var places: [String: KitError?] = [:]
        for start in stride(from: 0, to: roots.count, by: Self.batch) {
            let some = Array(roots[start..<min(start + Self.batch, roots.count)])
            let known = try await Known(some, catalog)
            let (outcomes, failure) = await restorer.restore(
                some.map { Restorer.Wanted($0, from: known.candidates($0, among: sources)) },
                thorough: thorough
            )
            var seen: [String: [Observation]] = [:]
            for case (let root, var outcome?) in zip(some, outcomes) {
                try await look(at: &outcome, &places)
                try await count(outcome, of: root, known, &output, &seen)
            }
            try await note(seen, &leases)
            if let failure { throw failure }
        }
        // Whoever asks for what is whole is told of what was just seen.
        try await catalog.noteWhole(output.failed.map(\.root), in: nil)
    }

    /// So many roots are looked up in the catalog, and written down there, together.
    private static let batch = 256

    /// What the catalog has of some roots.
    private struct Known {
        let mappings: [CID: [Mapping]]
        private let seen: [CID: [(backend: String, seen: Observation)]]

        init(_ roots: [CID], _ catalog: Catalog) async throws(CatalogError) {
            mappings = Dictionary(grouping: try await catalog.mappings(of: roots), by: \.cid)
            seen = Dictionary(grouping: try await catalog.observations(of: roots), by: \.seen.cid)
        }

        func candidates(_ root: CID, among sources: Sources) -> [Restorer.Source] {
            sources.candidates(root, mappings[root] ?? [], seen[root] ?? [])
        }
    }

    /// Takes what came of a root into the report, and what was seen on backends into `seen`.
    private func count(
        _ outcome: Restorer.Outcome,
        of root: CID,
        _ known: Known,
        _ output: inout RestoreOutput,
        _ seen: inout [String: [Observation]]
    ) async throws {
        func note(_ source: Restorer.Source, _ result: Swift.Result<ReadBack, ReplicationError>) {
            guard let new = observation(of: root, source, result, known.mappings[root] ?? []) else { return }
            seen[source.backend.name, default: []].append(new)
        }
        let failures: [Restorer.Failure]
        switch outcome {
        case .whole:
            output.whole += 1
            return
        case .restored(let source, let back, let after):
            output.restored.append((root, source.backend.name, back.length))
            note(source, .success(back))
            failures = after
        case .salvaged(let source, let bytes, let after):
            output.restored.append((root, source.backend.name, bytes))
            failures = after
        case .failed(let all):
            var reasons = all.map { ($0.source.backend.name, KitError($0.error)) }
            if let counts = try await fetch(root, &reasons) {
                output.restored.append((root, counts.givers.sorted().joined(separator: ", "), counts.bytes))
            } else {
                output.failed.append((root, reasons))
            }
            failures = all
        }
        for (source, error) in failures { note(source, .failure(error)) }
    }

    /// Brings what is missing from the other places that content is read from, block by block: each may have a part.
    ///
    /// - Returns: what came; nil where not all did, and why is added to `reasons`.
    private func fetch(_ root: CID, _ reasons: inout [(String, KitError)]) async throws -> StoreFetch.Counts? {
        guard let (others, names) = sources.others else { return nil }
        do throws(ReplicationError) {
            let fetch = StoreFetch(into: store, from: others, progress: call.progress)
            let counts = try await fetch.bring(root)
            // All of it was read while it was brought.
            try await StoreSource(store).expectHere(root)
            return counts
        } catch {
            guard error.isOfSource else { throw error }
            reasons.append((names, KitError(error)))
            return nil
        }
    }

    /// Whether every block is read: also where a pack is gone or cut, for then the index leads to nothing.
    private func looksAtBytes() async throws -> Bool {
        if thorough { return true }
        do {
            try await store.checkLengths()
            return false
        } catch  where error.code == .damagedPack {
            return true
        }
    }

    /// Makes sure that who says of a root that it is not there is the place that this home knows: a disk that is not
    /// mounted looks empty.
    private func look(at outcome: inout Restorer.Outcome, _ places: inout [String: KitError?]) async throws {
        let failures: [Restorer.Failure]
        switch outcome {
        case .whole: return
        case .restored(_, _, let after), .salvaged(_, _, let after): failures = after
        case .failed(let all): failures = all
        }
        var judged: [Restorer.Failure] = []
        for failure in failures {
            guard case .storage(let error) = failure.error, error.code == .notFound else {
                judged.append(failure)
                continue
            }
            let name = failure.source.backend.name
            if places[name] == nil { places.updateValue(try await problem(with: failure.source.backend), forKey: name) }
            guard let problem = places[name] ?? nil else {
                judged.append(failure)
                continue
            }
            judged.append((failure.source, .other(problem)))
        }
        switch outcome {
        case .whole: break
        case .restored(let source, let back, _): outcome = .restored(from: source, back, after: judged)
        case .salvaged(let source, let bytes, _): outcome = .salvaged(from: source, bytes: bytes, after: judged)
        case .failed: outcome = .failed(judged)
        }
    }

    /// Why a backend is not the place that this home knows; nil where it is.
    private func problem(with backend: OpenBackend) async throws -> KitError? {
        do throws(KitError) {
            try await call.kit.expectPlace(backend)
            return nil
        } catch {
            if error.code == .interrupted { throw error }
            return error
        }
    }

    private var broken: [String] { sources.broken.sorted { $0.key < $1.key }.map(\.value.message) }

    /// Writes down what was seen on backends.
    private func note(_ seen: [String: [Observation]], _ leases: inout [String: Lease]) async throws {
        for (name, seen) in seen.sorted(by: { $0.key < $1.key }) {
            let lease: Lease
            if let held = leases[name] { lease = held } else { lease = try await catalog.takeObserverLease(name) }
            leases[name] = lease
            _ = try await catalog.record(seen, under: lease)
            guard seen.contains(where: { $0.finding != .whole }) else { continue }
            try await catalog.markDirty([name], reason: "restore found damage")
        }
    }

    /// What was seen: that it is whole, that other bytes are there, or that nothing is; nil where nobody is told.
    private func observation(
        of root: CID,
        _ source: Restorer.Source,
        _ result: Swift.Result<ReadBack, ReplicationError>,
        _ mappings: [Mapping]
    ) -> Observation? {
        let name = source.backend.name
        // What a relay gave is where others have it.
        guard !sources.elsewhere.contains(name), !source.backend.content.capabilities.contains(.relays) else {
            return nil
        }
        let mapping = mappings.first { $0.backend == name }
        // Who only gives keeps nothing for anybody, unless somebody said so: what came from there is no replica.
        guard mapping != nil || source.backend.content.capabilities.contains(.write) else { return nil }
        func saw(_ finding: Observation.Finding) -> Observation {
            Observation(
                root,
                finding,
                method: "read-back",
                place: source.location,
                at: catalog.time,
                by: call.kit.observer,
                basis: mapping?.revision
            )
        }
        var seen: Observation
        switch result {
        case .success(let back):
            seen = saw(.whole)
            (seen.size, seen.blockCount, seen.carSHA256) = (back.length, back.blockCount, back.sha256)
        case .failure(.storage(let error)) where mapping != nil && source.location == mapping?.location:
            guard let finding = Observation.Finding(ofReading: error) else { return nil }
            seen = saw(finding)
            seen.detail = error.message
        case .failure: return nil
        }
        return seen
    }
}
