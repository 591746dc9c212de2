internal import Catalog
internal import Multiformats
internal import Schema
internal import Storage

/// Collects outcomes and writes them to the catalog some at a time: a commit waits for the disk, a thousand would too.
///
/// What is lost when the process is killed in between is found on the backend and adopted by the next sync.
actor Recorder {
    private let catalog: Catalog
    private let backend: String
    private var waiting: [Mapping] = []
    private var oldest: Int64 = 0

    private static let most = 256
    /// How long an outcome waits at most for others, in milliseconds.
    private static let patience: Int64 = 250

    init(catalog: Catalog, backend: String) {
        self.catalog = catalog
        self.backend = backend
    }

    /// Takes an outcome, and writes those that have waited long enough.
    func add(_ mapping: Mapping) async throws(CatalogError) {
        let now = catalog.time.milliseconds
        if waiting.isEmpty { oldest = now }
        waiting.append(mapping)
        if waiting.count >= Self.most || now - oldest >= Self.patience { try await flush() }
    }

    /// Writes everything that is waiting.
    func flush() async throws(CatalogError) {
        guard !waiting.isEmpty else { return }
        let batch = waiting
        waiting = []
        do throws(CatalogError) {
            try await catalog.record(batch)
        } catch {
            waiting = batch + waiting
            throw error
        }
    }
}
