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
