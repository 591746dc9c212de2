internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Replication
internal import Schema
internal import Storage

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
        restorer = call.restorer(of: store, others: sources.others?.source)
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
        let notes = RestoreNotes(catalog: catalog, timing: call.kit.timing)
        do {
            let thorough = try await looksAtBytes()
            for start in stride(from: 0, to: roots.count, by: Self.batch) {
                let some = Array(roots[start..<min(start + Self.batch, roots.count)])
                try await run(some, thorough: thorough, &output, notes)
            }
            // Whoever asks for what is whole is told of what was just seen.
            try await catalog.noteWhole(output.failed.map(\.root), in: nil)
        } catch {
            // What was seen until then is written down all the same.
            _ = try? await notes.end()
            throw error
        }
        output.warnings = try await call.kit.writeIndexes(try await notes.end())
        return output
    }

    /// So many roots are looked up in the catalog together.
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

    /// A root that was not found at a place.
    private struct Absence {
        /// What is told of it in the report.
        struct Place: Hashable {
            let root: CID
            let backend: String
            let path: String?

            init(_ root: CID, _ source: Restorer.Source) {
                (self.root, backend, path) = (root, source.backend.name, source.location?.path)
            }
        }

        let root: CID
        let source: Restorer.Source
        let error: StorageError
        let at: Timestamp
    }

    /// Brings some roots; the report has them in their order, whichever came first.
    private func run(
        _ roots: [CID],
        thorough: Bool,
        _ output: inout RestoreOutput,
        _ notes: RestoreNotes
    ) async throws {
        let known = try await Known(roots, catalog)
        var restored: [Int: (from: String, bytes: UInt64)] = [:]
        var failed: [Int: (backends: [Restorer.Failure], others: ReplicationError?)] = [:]
        var absent: [Absence] = []
        var whole = 0
        try await restorer.restore(
            roots.map { Restorer.Wanted($0, from: known.candidates($0, among: sources)) },
            thorough: thorough
        ) { (arrival) async throws in
            let (number, root) = (arrival.number, roots[arrival.number])
            let mappings = known.mappings[root] ?? []
            let failures: [Restorer.Failure]
            switch arrival.outcome {
            case .whole:
                whole += 1
                return
            case .restored(let source, let back, let after):
                restored[number] = (source.backend.name, back.length)
                let seen = observation(of: root, source, .success(back), mappings, arrival.at)
                try await notes.add(seen, on: source.backend.name)
                failures = after
            case .salvaged(let source, let bytes, let after):
                restored[number] = (source.backend.name, bytes)
                failures = after
            case .gathered(let counts, let after):
                restored[number] = (counts.givers.sorted().joined(separator: ", "), counts.bytes)
                failures = after
            case .failed(let all, let others):
                failed[number] = (all, others)
                failures = all
            }
            for (source, error) in failures {
                if case .storage(let said) = error, said.code == .notFound {
                    absent.append(Absence(root: root, source: source, error: said, at: arrival.at))
                    continue
                }
                let seen = observation(of: root, source, .failure(error), mappings, arrival.at)
                try await notes.add(seen, on: source.backend.name)
            }
        }
        let told = try await settle(absent, known, notes)
        output.whole += whole
        output.restored += restored.sorted { $0.key < $1.key }.map { (roots[$0.key], $0.value.from, $0.value.bytes) }
        for (number, what) in failed.sorted(by: { $0.key < $1.key }) {
            let root = roots[number]
            var reasons = what.backends.map { source, error in
                (source.backend.name, told[Absence.Place(root, source)] ?? KitError(error))
            }
            if let others = what.others { reasons.append((sources.others?.names ?? "", KitError(others))) }
            output.failed.append((root, reasons))
        }
    }

    /// Finds out what it means that roots were not found, and writes it down; what there is to say of each place.
    ///
    /// A disk that is not mounted looks empty: who says so has to be, after that, the place that this home knows. And
    /// who says that it has what it did not give keeps it back.
    private func settle(
        _ absent: [Absence],
        _ known: Known,
        _ notes: RestoreNotes
    ) async throws -> [Absence.Place: KitError] {
        var problems: [String: KitError] = [:]
        let named = Dictionary(absent.map { ($0.source.backend.name, $0.source.backend) }) { first, _ in first }
        for (name, backend) in named { problems[name] = try await problem(with: backend) }
        var told: [Absence.Place: KitError] = [:]
        for absence in absent {
            let (root, source, name) = (absence.root, absence.source, absence.source.backend.name)
            if let problem = problems[name] {
                told[Absence.Place(root, source)] = problem
                continue
            }
            let mappings = known.mappings[root] ?? []
            var error = absence.error
            if mappings.contains(where: { $0.backend == name && $0.location == source.location }),
                case .present = await source.backend.content.presence(of: root, at: source.location)
            {
                let message = "It says that it has \(root), and does not give it: \(error.message)"
                error = StorageError(.unavailable, message, backend: error.backend, cause: error).ofBrokenPromise
            }
            told[Absence.Place(root, source)] = KitError(error)
            let seen = observation(of: root, source, .failure(.storage(error)), mappings, absence.at)
            try await notes.add(seen, on: name)
        }
        return told
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

    /// What was seen: that it is whole, that other bytes are there, or that nothing is; nil where nobody is told.
    private func observation(
        of root: CID,
        _ source: Restorer.Source,
        _ result: Swift.Result<ReadBack, ReplicationError>,
        _ mappings: [Mapping],
        _ time: Timestamp
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
                at: time,
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
