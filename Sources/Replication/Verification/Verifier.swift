package import Catalog
internal import Multiformats
package import Storage

/// Reads content back from a backend, block by block, and writes down what was seen.
package struct Verifier: Sendable {
    /// What was seen of one root.
    package enum Finding: Sendable {
        case whole(ReadBack)
        /// The backend says that it is not there.
        case missing
        case corrupt(String)
        /// Nobody could tell; nothing is written down.
        case unknown(StorageError)
    }

    /// What a verification saw of a mapping.
    package struct Result: Sendable {
        package let mapping: Mapping
        package let finding: Finding
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
                    group.addTask { Result(mapping: mapping, finding: await look(mapping, backend)) }
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
        let damaged = results.filter {
            switch $0.finding {
            case .missing, .corrupt: true
            default: false
            }
        }
        if !damaged.isEmpty {
            do throws(CatalogError) {
                try await catalog.markDirty([backend.name], reason: "verify found \(damaged.count) damaged or missing")
            } catch {
                throw .catalog(error)
            }
        }
        return results.sorted { $0.mapping.cid < $1.mapping.cid }
    }

    private func look(_ mapping: Mapping, _ backend: OpenBackend) async -> Finding {
        do throws(StorageError) {
            let path = mapping.path.isEmpty ? nil : mapping.path
            return .whole(try await readBack(mapping.cid, from: backend.replica, path: path, progress: progress))
        } catch {
            switch error.code {
            case .notFound: return .missing
            case .corrupt: return .corrupt(error.message)
            default: return .unknown(error)
            }
        }
    }

    private func record(_ result: Result) -> Mapping? {
        var mapping = result.mapping
        switch result.finding {
        case .unknown: return nil
        case .missing: mapping.status = .missing
        case .corrupt: mapping.status = .corrupt
        case .whole(let back):
            mapping.status = .stored
            mapping.size = back.length
            mapping.blockCount = back.blockCount
            mapping.carSHA256 = back.sha256
        }
        mapping.updatedAt = catalog.time
        mapping.evidence = .init(method: "read-back", at: catalog.time, by: observer)
        return mapping
    }
}
