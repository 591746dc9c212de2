internal import Catalog
internal import Multiformats
internal import POSIX
internal import Replication
internal import Storage

/// Takes over what a snapshot says of backends: settings of those that this home does not have, and where roots are.
///
/// Whoever can write to the backend can change the snapshot. So settings are installed disabled and marked, and nothing
/// in them is looked up or sent anywhere before the owner enables them.
struct Takeover {
    private let kit: Kit
    private let catalog: Catalog
    private let source: Source
    private let mappings: [Mapping]
    /// Settings that this home does not have.
    private let fresh: [(name: String, file: BackendFile)]
    private let kept: [String]
    private var warnings: [String] = []

    /// The backend that was read.
    struct Source {
        let name: String
        /// What it lists, with the lengths of the CARs.
        let held: [CID: UInt64?]
        /// Whether it is there where it was synced.
        let isKnown: Bool

        init(_ name: String, _ held: [CID: UInt64?], _ isKnown: Bool) {
            (self.name, self.held, self.isKnown) = (name, held, isKnown)
        }

        /// Whether a snapshot is believed about a root here: that it is stored where it is listed in its length.
        func bears(_ mapping: Mapping) -> Bool {
            guard isKnown, mapping.backend == name else { return false }
            guard mapping.status == .stored else { return true }
            return held[mapping.cid].map { $0 == mapping.size } ?? false
        }
    }

    init(_ taken: TakenSnapshot, _ kit: Kit, _ catalog: Catalog, source: Source) throws {
        self.kit = kit
        self.catalog = catalog
        self.source = source
        // A path is a name on a backend; others are of somebody who wants something else to be read.
        let all = taken.mappings
        mappings = all.filter { $0.path.isEmpty || ObjectName($0.path) != nil }
        var fresh: [(name: String, file: BackendFile)] = []
        var kept: [String] = []
        for backend in taken.snapshot.backends where !fresh.contains(where: { $0.name == backend.name }) {
            guard BackendFile.isName(backend.name) else {
                warnings.append("The snapshot has settings of a backend whose name is none; they were left out.")
                continue
            }
            let path = kit.home.backendFile(backend.name)
            guard try !kit.home.holds(path) else {
                kept.append(backend.name)
                continue
            }
            do throws(KitError) {
                var file = try BackendFile.parse(Array(backend.settings.utf8), name: backend.name, path: path)
                file.isEnabled = false
                file.isFromSnapshot = true
                fresh.append((backend.name, file))
            } catch {
                warnings.append("The settings of \(backend.name) in the snapshot cannot be read, and were left out.")
            }
        }
        if mappings.count < all.count {
            warnings.append(
                "The snapshot has \(all.count - mappings.count) mappings to names that are none; they were left out."
            )
        }
        self.fresh = fresh
        self.kept = kept
    }

    /// Says what would be taken over.
    func look(_ output: inout Recover.Output) async throws {
        output.backends = fresh.map(\.name)
        output.keptBackends = kept
        output.mappings = try await catalog.takeOver(try await wanted(), isDryRun: true)
        output.warnings += warnings
    }

    /// Takes over what the home does not have; after that this home knows all snapshots up to `snapshot`.
    func carryOut(upTo snapshot: SnapshotName, _ output: inout Recover.Output) async throws {
        for (_, file) in fresh { try file.save() }
        output.backends = fresh.map(\.name)
        output.keptBackends = kept
        output.warnings += warnings
        try await kit.meetBackends()
        let wanted = try await wanted()
        for start in stride(from: 0, to: wanted.count, by: 10_000) {
            output.mappings += try await catalog.takeOver(Array(wanted[start..<min(start + 10_000, wanted.count)]))
        }
        // From now on this home knows what is in it.
        guard source.isKnown else { return }
        try await catalog.observing(source.name) {
            try await catalog.noteSnapshot(snapshot.name.text, hasAll: false, under: $0)
        }
    }

    /// The mappings that may be taken over, which are those of backends that are here.
    ///
    /// Of every backend but the one that was read, and of what that does not list, the snapshot's word is a claim:
    /// nobody here has seen what is there, and whoever can write to the one must not be believed about the others. The
    /// next look at them compares.
    private func wanted() async throws -> [Mapping] {
        let here = Set(try kit.backendNames()).union(fresh.map(\.name))
        let bad = try await catalog.noMetadata(among: Set(mappings.map(\.metadata)))
        return mappings.filter { here.contains($0.backend) }.map { mapping in
            var claim = mapping
            if bad.contains(mapping.metadata) { claim.metadata = "{}" }
            if source.bears(mapping) { return claim }
            // Of damage the snapshot's word is enough: such a copy is sent anew.
            claim.status = mapping.status == .corrupt ? .corrupt : .pending
            claim.evidence = nil
            claim.isOurs = false
            return claim
        }
    }
}
