package import Catalog
internal import Multiformats
package import Storage

/// Reads content back from a backend, block by block, and writes down what was seen.
package struct Verifier: Sendable {
    /// What was seen of one root.
    package enum Verdict: String, Sendable, Hashable {
        case whole
        /// The backend says that it is not there.
        case missing
        case corrupt
        /// Nobody could tell; nothing is written down.
        case unknown
    }

    /// What a verification saw of a mapping.
    package struct Result: Sendable {
        package let mapping: Mapping
        package let verdict: Verdict
        /// What was read, where all of it was.
        package let back: ReadBack?
        /// Why it is not whole.
        package let error: StorageError?
    }

    let catalog: Catalog
    let observer: String
    let progress: Progress

    package init(catalog: Catalog, observer: String, progress: Progress) {
        self.catalog = catalog
        self.observer = observer
        self.progress = progress
    }

    /// Checks mappings of one backend, a few at once, and records what was found; damage makes the backend dirty.
    package func verify(_ mappings: [Mapping], on backend: OpenBackend) async throws(ReplicationError) -> [Result] {
        let recorder = Recorder(catalog: catalog, backend: backend.name)
        let results = try await translating {
            try await withThrowingTaskGroup(of: Result.self) { group in
                var results: [Result] = []
                var next = mappings.startIndex
                func start() {
                    guard next < mappings.endIndex else { return }
                    let mapping = mappings[next]
                    next += 1
                    group.addTask { await look(mapping, backend) }
                }
                for _ in 0..<min(backend.lanes, 8) { start() }
                while let result = try await group.next() {
                    try StorageError.checkCancellation()
                    progress.items()
                    if let changed = record(result) { try await recorder.add(changed) }
                    results.append(result)
                    start()
                }
                try await recorder.flush()
                return results
            }
        }
        guard results.count == mappings.count else {
            throw .suspicious("The verification lost track of \(mappings.count - results.count) roots.")
        }
        let damaged = results.filter { $0.verdict == .missing || $0.verdict == .corrupt }
        if !damaged.isEmpty {
            do throws(CatalogError) {
                try await catalog.markDirty([backend.name], reason: "verify found \(damaged.count) damaged or missing")
            } catch {
                throw .catalog(error)
            }
        }
        return results.sorted { $0.mapping.cid < $1.mapping.cid }
    }

    private func look(_ mapping: Mapping, _ backend: OpenBackend) async -> Result {
        do throws(StorageError) {
            let path = mapping.path.isEmpty ? nil : mapping.path
            let back = try await readBack(mapping.cid, from: backend.replica, path: path, progress: progress)
            return Result(mapping: mapping, verdict: .whole, back: back, error: nil)
        } catch {
            let verdict: Verdict =
                switch error.code {
                case .notFound: .missing
                case .corrupt: .corrupt
                default: .unknown
                }
            return Result(mapping: mapping, verdict: verdict, back: nil, error: error)
        }
    }

    /// The mapping with what was seen of it; nil where nothing was.
    private func record(_ result: Result) -> Mapping? {
        var mapping = result.mapping
        switch result.verdict {
        case .unknown: return nil
        case .missing: mapping.status = .missing
        case .corrupt: mapping.status = .corrupt
        case .whole:
            mapping.status = .stored
            mapping.size = result.back?.length
            mapping.blockCount = result.back?.blockCount
            mapping.carSHA256 = result.back?.sha256
        }
        mapping.updatedAt = catalog.time
        mapping.evidence = .init(method: "read-back", at: catalog.time, by: observer)
        return mapping
    }
}
