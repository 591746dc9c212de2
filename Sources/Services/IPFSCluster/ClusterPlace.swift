internal import Schema
internal import Storage

/// What a cluster is known by, whichever of its peers is asked, and whichever come and go.
///
/// A cluster has no name. It counts as the one that it was where some of its peers were peers of that one; it is called
/// by the ID of a peer that it had when it was seen first, which the home remembers.
struct ClusterPlace: Sendable {
    /// Nil where nothing can be remembered for longer than it is open.
    private let file: StateFile?
    /// The peers of each cluster that was seen, the one before all others by which it is called.
    private let known = Locked<[[String]]?>(nil)

    /// So many clusters, and so many peers of each, are remembered.
    private static let (mostClusters, mostPeers) = (16, 1000)

    init(folder: String?) {
        file = folder.map { StateFile(folder: $0, name: "clusters.json", longest: 4 << 20) }
    }

    /// The name of the cluster that has these peers.
    func name(of peers: Set<String>) async throws(StorageError) -> String {
        let before = try await remembered()
        let found = before.first { !peers.isDisjoint(with: $0) } ?? []
        let name = found.first ?? peers.min() ?? ""
        // Those that are there now first: the others may be gone for good.
        let others = peers.sorted() + Set(found).subtracting(peers).sorted()
        let cluster = [name] + others.filter { $0 != name }.prefix(Self.mostPeers)
        let clusters = Array((before.filter { $0 != found } + [cluster]).suffix(Self.mostClusters))
        guard clusters != before else { return name }
        let rows = clusters.map { JSON.array($0.map { .string($0) }) }
        try await file?.makeFolder()
        try await file?.write(["clusters": .array(rows)])
        known.change { $0 = clusters }
        return name
    }

    private func remembered() async throws(StorageError) -> [[String]] {
        if let known = known.read({ $0 }) { return known }
        let rows = try await file?.read()?["clusters"]?.items ?? []
        return rows.compactMap { $0.items?.compactMap(\.string) }.filter { !$0.isEmpty }
    }
}
