internal import Catalog
internal import Replication
internal import Schema
internal import Storage

/// Writes down what a restoration sees on backends, some at a time, under a lease for each that ends with it.
actor RestoreNotes {
    private let catalog: Catalog
    private let timing: Timing
    private var recorders: [String: Recorder] = [:]
    private var leases: [String: Lease] = [:]
    /// The backends that are marked dirty: damage was seen there.
    private var marked: Set<String> = []

    init(catalog: Catalog, timing: Timing) { (self.catalog, self.timing) = (catalog, timing) }

    /// Takes what was seen; nil says that nobody is told.
    func add(_ seen: Observation?, on backend: String) async throws(CatalogError) {
        guard let seen else { return }
        try await recorder(of: backend).add(seen)
        guard seen.finding != .whole, marked.insert(backend).inserted else { return }
        try await catalog.markDirty([backend], reason: "restore found damage")
    }

    private func recorder(of backend: String) async throws(CatalogError) -> Recorder {
        if let known = recorders[backend] { return known }
        let lease = try await catalog.takeObserverLease(backend)
        let recorder = Recorder(catalog: catalog, lease: lease, timing: timing)
        (leases[backend], recorders[backend]) = (lease, recorder)
        return recorder
    }

    /// Writes the rest, and gives the leases back, whatever happens.
    ///
    /// - Returns: the backends of which something was written down, in order.
    func end() async throws(CatalogError) -> [String] {
        var failure: CatalogError?
        for recorder in recorders.values {
            do throws(CatalogError) { try await recorder.flush() } catch { failure = failure ?? error }
        }
        for lease in leases.values {
            do throws(CatalogError) { try await catalog.release(lease) } catch { failure = failure ?? error }
        }
        let names = leases.keys.sorted()
        (recorders, leases) = ([:], [:])
        if let failure { throw failure }
        return names
    }
}
