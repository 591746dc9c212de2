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

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cids", \.cids, help: "The roots; every pin where none is named.", positional: true),
        Field("from", \.source, help: "Only from this backend."),
        Field("full", \.full, help: "Read and check every block in the store, not only look it up."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> RestoreOutput {
        var roots: [CID] = []
        for text in cids { roots.append(try parseCID(text)) }
        let catalog = try kit.catalog()
        let store = try kit.store()
        let sources = try await Sources(kit, only: source)
        return try await kitErrors {
            let wanted = cids.isEmpty ? try await catalog.pins().map(\.cid) : roots
            return try await restore(
                wanted,
                from: sources,
                thorough: full || !cids.isEmpty,
                store: store,
                catalog: catalog,
                kit: kit
            )
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
        let names: [String]
        if let only { names = [only] } else { names = try kit.backendNames() }
        for name in names {
            do throws(KitError) {
                open[name] = try await kit.open(try kit.backend(name), gate: OpenGate())
            } catch {
                if only != nil { throw error }
                broken[name] = error
            }
        }
        self.open = open
        self.broken = broken
    }

    /// Where a root may be: first where it was verified, then where somebody claims it is, then everywhere else.
    func candidates(_ root: CID, _ mappings: [Mapping]) -> [Restorer.Source] {
        let known = mappings.filter { $0.status != .failed && $0.status != .missing }.sorted {
            ($0.status == .stored ? 0 : 1, $0.backend) < ($1.status == .stored ? 0 : 1, $1.backend)
        }
        let first = known.compactMap { mapping in
            open[mapping.backend].map { Restorer.Source(backend: $0, path: mapping.path.isEmpty ? nil : mapping.path) }
        }
        let named = Set(known.map(\.backend))
        let rest = open.filter { !named.contains($0.key) }.sorted { $0.key < $1.key }
        return first + rest.map { Restorer.Source(backend: $0.value, path: nil) }
    }
}

/// Makes sure that roots are whole in the store, one after another, and writes down what was read back.
func restore(
    _ roots: [CID],
    from sources: Sources,
    thorough: Bool,
    store: BlockStore,
    catalog: Catalog,
    kit: Kit
) async throws -> RestoreOutput {
    kit.session.progress.began("restore", items: roots.count)
    defer { kit.session.progress.ended() }
    let restorer = Restorer(store: store, progress: kit.session.progress)
    var output = RestoreOutput(broken: sources.broken.sorted { $0.key < $1.key }.map(\.value.message))
    for root in roots {
        let mappings = try await catalog.mappings(of: [root])
        switch try await restorer.restore(root, from: sources.candidates(root, mappings), thorough: thorough) {
        case .whole: output.whole += 1
        case .restored(let backend, let back):
            output.restored.append((root, backend, back.length))
            let usual = try CARArchive.name(of: root).text
            let path = mappings.first { $0.backend == backend }?.path ?? usual
            try await catalog.record([
                Mapping(
                    cid: root,
                    backend: backend,
                    path: path,
                    status: .stored,
                    size: back.length,
                    blockCount: back.blockCount,
                    carSHA256: back.sha256,
                    createdAt: catalog.time,
                    evidence: .init(method: "read-back", at: catalog.time, by: kit.observer)
                )
            ])
        case .failed(let failures):
            output.failed.append((root, failures.map { ($0.backend, KitError($0.error)) }))
        }
        kit.session.progress.items()
    }
    output.warnings = try await kit.writeIndexes(Array(Set(output.restored.map(\.from))).sorted())
    return output
}

/// What was restored.
package struct RestoreOutput: OperationOutput {
    var whole = 0
    var restored: [(root: CID, from: String, bytes: UInt64)] = []
    var failed: [(root: CID, reasons: [(backend: String, error: KitError)])] = []
    let broken: [String]
    var warnings: [String] = []

    init(broken: [String]) { self.broken = broken }

    package var exitCode: ExitCode {
        if failed.isEmpty { return .ok }
        if whole + restored.count > 0 { return .partlyFailed }
        // A backend that could not be asked may have what another one lacks.
        let codes = Set(failed.flatMap { $0.reasons.map(\.error.code) })
        if codes.count == 1, let code = codes.first { return code }
        return codes.contains(.temporary) ? .temporary : .verification
    }

    package var json: JSON {
        [
            "whole": .count(whole),
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
        if let hint = failed.first?.reasons.first?.error.hint { parts.append(.line("Run: \(hint)")) }
        return Report(parts, warnings: broken + warnings)
    }
}
