internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Brings missing or damaged content of the store back from backends.
package struct Restore: Operation {
    package static let name = "restore"
    package static let summary = "Bring missing or damaged blocks of the store back from any backend that has them."
    package static let details = """
        Without CIDs, every pin is looked at; with --full, or for CIDs that are named, every block is read and checked.
        """
    package static let changes = true

    package var cids: [String] = []
    package var source: String?
    package var full = false
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cids", \.cids, help: "Roots, or blocks below them; every pin where none is named.", positional: true),
        Field("from", \.source, help: "Only from this backend."),
        Field("full", \.full, help: "Read and check every block in the store, not only look it up."),
        Field("dry_run", \.dryRun, help: "Say what is not whole and where it would be looked for; ask no backend."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> RestoreOutput {
        var roots: [CID] = []
        for text in cids { roots.append(try parseCID(text)) }
        let catalog = try kit.catalog()
        return try await kitErrors {
            let pins = try await catalog.pins().map(\.cid)
            var job = RestoreJob(
                kit: kit,
                catalog: catalog,
                store: try kit.store(),
                sources: try await Sources(kit, only: source),
                thorough: full
            )
            if cids.isEmpty { return try await dryRun ? job.look(pins) : job.run(pins) }
            // Backends have roots: a block that is none comes back with the pins that lead to it.
            var restored: [RestoreOutput.Restored] = []
            let mapped = Set(try await catalog.mappings(of: roots).map(\.cid)).union(pins)
            if !dryRun, !mapped.isSuperset(of: roots) { restored = try await job.run(pins).restored }
            job.thorough = true
            var output = try await dryRun ? job.look(roots) : job.run(roots)
            output.restored = restored + output.restored
            return output
        }
    }
}

/// Backends that were opened because something may be fetched from them.
struct Sources: Sendable {
    let open: [String: OpenBackend]
    /// Backends that could not even be opened.
    let broken: [String: KitError]

    /// Opens every backend, or one.
    init(_ kit: Kit, only: String?) async throws(KitError) {
        var open: [String: OpenBackend] = [:]
        var broken: [String: KitError] = [:]
        try await kit.registerBackends()
        let names = if let only { [only] } else { try kit.backendNames() }
        for name in names {
            do throws(KitError) {
                let file = try kit.backend(name)
                open[name] = try await kit.open(file, gate: ClosedGate())
                try await kit.arrive(at: file)
            } catch {
                if only != nil { throw error }
                broken[name] = error
            }
        }
        self.open = open
        self.broken = broken
    }

    /// Where a root may be: first where it was verified, then where somebody claims it is, then everywhere else.
    ///
    /// On each backend every path that is known of it is tried, and the usual one.
    func candidates(
        _ root: CID,
        _ mappings: [Mapping],
        _ seen: [(backend: String, seen: Observation)]
    ) -> [Restorer.Source] {
        let known = mappings.sorted { (rank($0.status), $0.backend) < (rank($1.status), $1.backend) }
        let names = known.map(\.backend) + open.keys.filter { name in !known.contains { $0.backend == name } }.sorted()
        return names.flatMap { name -> [Restorer.Source] in
            guard let backend = open[name] else { return [] }
            let paths =
                known.filter { $0.backend == name }.map(\.path) + seen.filter { $0.backend == name }.map(\.seen.path)
            var tried: Set<String> = []
            let own = paths.filter { !$0.isEmpty && tried.insert($0).inserted }
            let usual = (try? CARArchive.name(of: root).text).map { tried.contains($0) ? [] : [$0] } ?? []
            return (own + usual).map { Restorer.Source(backend: backend, path: $0) }
        }
    }

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

/// Makes sure that roots are whole in the store, one after another, and writes down what was read back.
struct RestoreJob: Sendable {
    let kit: Kit
    let catalog: Catalog
    let store: BlockStore
    let sources: Sources
    var thorough: Bool

    private var restorer: Restorer { Restorer(store: store, progress: kit.session.progress, scratch: kit.home.scratch) }

    /// Says what is not whole, and where it would be looked for; no backend is asked.
    func look(_ roots: [CID]) async throws -> RestoreOutput {
        var output = RestoreOutput(broken: broken, isDryRun: true)
        for root in roots {
            if try await restorer.isWhole(root, thorough: thorough) {
                output.whole += 1
                continue
            }
            let candidates = try await self.candidates(root)
            output.planned.append((root, candidates.map { ($0.backend.name, $0.path ?? "") }))
        }
        return output
    }

    /// Brings back what is missing; one root that cannot be had does not keep the others.
    func run(_ roots: [CID]) async throws -> RestoreOutput {
        kit.session.progress.began("restore", items: roots.count)
        defer { kit.session.progress.ended() }
        var output = RestoreOutput(broken: broken)
        let thorough = try await looksAtBytes()
        var leases: [String: Lease] = [:]
        var places: [String: KitError?] = [:]
        for root in roots {
            let mappings = try await catalog.mappings(of: [root])
            var outcome = try await restorer.restore(root, from: try await candidates(root), thorough: thorough)
            try await look(at: &outcome, &places)
            switch outcome {
            case .whole: output.whole += 1
            case .restored(let source, let back, let failures):
                output.restored.append((root, source.backend.name, back.length))
                try await note(root, source, .success(back), mappings, &leases)
                for (source, error) in failures { try await note(root, source, .failure(error), mappings, &leases) }
            case .salvaged(let source, let bytes, let failures):
                output.restored.append((root, source.backend.name, bytes))
                for (source, error) in failures { try await note(root, source, .failure(error), mappings, &leases) }
            case .failed(let failures):
                output.failed.append((root, failures.map { ($0.source.backend.name, KitError($0.error)) }))
                for (source, error) in failures { try await note(root, source, .failure(error), mappings, &leases) }
            }
            kit.session.progress.items()
        }
        // Whoever asks for what is whole is told of what was just seen.
        try await catalog.noteWhole(output.failed.map(\.root), in: nil)
        for lease in leases.values { try await catalog.release(lease) }
        output.warnings = try await kit.writeIndexes(leases.keys.sorted())
        return output
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
            try await kit.expectPlace(backend)
            return nil
        } catch {
            if error.code == .interrupted { throw error }
            return error
        }
    }

    private var broken: [String] { sources.broken.sorted { $0.key < $1.key }.map(\.value.message) }

    private func candidates(_ root: CID) async throws -> [Restorer.Source] {
        sources.candidates(
            root,
            try await catalog.mappings(of: [root]),
            try await catalog.observations(of: root)
        )
    }

    /// Writes down what was seen: that it is whole, that other bytes are there, or that nothing is.
    private func note(
        _ root: CID,
        _ source: Restorer.Source,
        _ result: Swift.Result<ReadBack, ReplicationError>,
        _ mappings: [Mapping],
        _ leases: inout [String: Lease]
    ) async throws {
        let name = source.backend.name
        let mapping = mappings.first { $0.backend == name }
        func saw(_ finding: Observation.Finding) -> Observation {
            Observation(
                root,
                finding,
                method: "read-back",
                path: source.path ?? "",
                at: catalog.time,
                by: kit.observer,
                basis: mapping?.revision
            )
        }
        var seen: Observation
        switch result {
        case .success(let back):
            seen = saw(.whole)
            (seen.size, seen.blockCount, seen.carSHA256) = (back.length, back.blockCount, back.sha256)
        case .failure(.storage(let error)) where mapping != nil && source.path == mapping?.path:
            switch error.code {
            case .corrupt: seen = saw(.damaged)
            case .notFound: seen = saw(.missing)
            default: return
            }
            seen.detail = error.message
        case .failure: return
        }
        let lease: Lease
        if let held = leases[name] { lease = held } else { lease = try await catalog.takeObserverLease(name) }
        leases[name] = lease
        try await catalog.record([seen], under: lease)
        if seen.finding != .whole { try await catalog.markDirty([name], reason: "restore found damage") }
    }
}

/// What was restored.
package struct RestoreOutput: OperationOutput {
    typealias Restored = (root: CID, from: String, bytes: UInt64)

    var whole = 0
    var restored: [Restored] = []
    var failed: [(root: CID, reasons: [(backend: String, error: KitError)])] = []
    /// What a dry run would look for, and where.
    var planned: [(root: CID, places: [(backend: String, path: String)])] = []
    let broken: [String]
    let isDryRun: Bool
    var warnings: [String] = []

    init(broken: [String], isDryRun: Bool = false) {
        self.broken = broken
        self.isDryRun = isDryRun
    }

    package var exitCode: ExitCode {
        let codes = failed.map { failure -> ExitCode in
            // A backend that could not be asked may have what another one lacks.
            let codes = Set(failure.reasons.map(\.error.code))
            if codes.count == 1, let code = codes.first { return code }
            return codes.contains(.temporary) ? .temporary : .verification
        }
        return .ofParts(codes, isPartDone: whole + restored.count > 0)
    }

    package var json: JSON {
        [
            "dry_run": .bool(isDryRun), "whole": .count(whole),
            "planned": .array(
                planned.map { plan in
                    [
                        "cid": .text(plan.root),
                        "places": .array(
                            plan.places.map { ["backend": .string($0.backend), "car_file_path": .string($0.path)] }
                        ),
                    ]
                }
            ),
            "restored": .array(
                restored.map { ["cid": .text($0.root), "from": .string($0.from), "bytes": .count($0.bytes)] }
            ),
            "failed": .array(
                failed.map { failure in
                    [
                        "cid": .text(failure.root),
                        "reasons": .array(
                            failure.reasons.map {
                                ["backend": .string($0.backend), "message": .string($0.error.message)]
                            }
                        ),
                    ]
                }
            ),
            "warnings": .array((broken + warnings).map { .string($0) }),
        ]
    }

    package var report: Report {
        if isDryRun { return plan }
        var parts: [Report.Part] = [
            .facts([
                .init("whole already", String(whole)),
                .init(
                    "restored",
                    "\(restored.count) roots, \(ByteCount(restored.reduce(0) { $0 + $1.bytes })) read and checked"
                ),
                .init("not restored", String(failed.count)),
            ])
        ]
        for failure in failed {
            parts.append(.line("\(failure.root) is not whole:"))
            if failure.reasons.isEmpty { parts.append(.line("  no backend could be asked")) }
            for reason in failure.reasons { parts.append(.line("  \(reason.backend): \(reason.error.message)")) }
        }
        if let hint = failed.first?.reasons.first?.error.hint { parts.append(.command(hint)) }
        return Report(parts, warnings: broken + warnings)
    }

    private var plan: Report {
        var parts: [Report.Part] = [.facts([.init("whole", String(whole)), .init("not whole", String(planned.count))])]
        for (root, places) in planned {
            let names = places.map { "\($0.backend) (\($0.path))" }.joined(separator: ", ")
            parts.append(.line("\(root) would be looked for on \(names.isEmpty ? "no backend" : names)"))
        }
        return Report(parts, warnings: broken + warnings)
    }
}
