internal import BlockStore
internal import Catalog
internal import IPLD
internal import Multiformats
internal import Replication
internal import Schema
internal import Storage

extension Field {
    /// The backend that an operation reads from instead of the store.
    static func source(_ path: any WritableKeyPath<Root, String?> & Sendable) -> Field {
        Field("from", path, help: "The backend to read from instead of the store; only what is needed is fetched.")
    }
}

extension ContentReader {
    /// Reads what is below a root out of the store, or out of a backend, where that is named.
    init(_ kit: Kit, from backend: String?, below root: CID, progress: Progress) async throws(KitError) {
        guard let backend else {
            self.init(store: try kit.store(), progress: progress)
            return
        }
        let blocks = try await kit.remoteBlocks(of: root, on: backend)
        self.init(progress: progress, isFar: true) { try await blocks.blocks($0) }
    }

    /// Reads what a path leads to out of the store, or out of a backend, where that is named.
    init(_ kit: Kit, from backend: String?, path text: String, progress: Progress) async throws(KitError) {
        let path: ContentPath
        do throws(FormatProblem) {
            path = try ContentPath(text)
        } catch {
            throw KitError(error, in: text)
        }
        try await self.init(kit, from: backend, below: path.root, progress: progress)
    }
}

extension Kit {
    /// So many CARs are searched for a block that is no root.
    private static let mostSearched = 256

    /// The blocks below a CID on a backend: those of the root that it is there, or else of a root that has it.
    fileprivate func remoteBlocks(of cid: CID, on name: String) async throws(KitError) -> RemoteBlocks {
        let backend = try await open(try backend(name), gate: ClosedGate())
        let cache = BlockCache(home.blockCache(of: name))
        func blocks(_ root: CID, _ location: Location?) -> RemoteBlocks {
            RemoteBlocks(of: root, at: location, on: backend, cache: cache, notice: session.notice)
        }
        let catalog = try catalog()
        // One content has two CIDs where the older form can express it.
        let forms = Set([cid, cid.v1] + (cid.v0.map { [$0] } ?? []))
        let known = try await kitErrors {
            try await catalog.mappings(of: Array(forms)).filter { $0.backend == name && $0.status != .missing }
        }
        if let mapping = known.first(where: { $0.cid == cid }) ?? known.first {
            return blocks(mapping.cid, mapping.location)
        }
        guard !backend.content.capabilities.contains(.blocks) else { return blocks(cid, nil) }
        switch await backend.content.presence(of: cid, at: nil) {
        case .present(let held): return blocks(cid, held.location)
        case .unknown(let error): throw KitError(error)
        case .absent, .pending: break
        }
        let places = try await kitErrors { try await self.places(on: backend, catalog) }
        for (root, location) in places.prefix(Self.mostSearched) {
            let blocks = blocks(root, location)
            if try await kitErrors({ try await blocks.have(cid) }) { return blocks }
        }
        let isWhole = places.count <= Self.mostSearched
        throw KitError(
            .notFound,
            "The backend \(name) does not have \(cid): it is no root there"
                + (isWhole
                    ? ", and in none of the CARs there, by their indexes."
                    : ", and in none of \(Self.mostSearched) CARs, by their indexes.")
                + (isWhole ? "" : " A path that begins at a root leads to what is in the others."),
            hint: "ipfs-kit backend pin list \(name)",
            backend: name,
            cid: cid
        )
    }

    /// Where CARs are on a backend, as the catalog knows, or else as it says itself: one more than are searched at
    /// most.
    private func places(
        on backend: OpenBackend,
        _ catalog: Catalog
    ) async throws -> [(root: CID, location: Location?)] {
        let mappings = try await catalog.mappings(on: backend.name).filter { $0.status != .missing }
        guard mappings.isEmpty, backend.content.capabilities.contains(.listing) else {
            return mappings.map { ($0.cid, $0.location) }
        }
        var places: [(root: CID, location: Location?)] = []
        for try await page in backend.content.roots() {
            places += page.map { ($0.root, $0.location) }
            if places.count > Self.mostSearched { break }
        }
        return places
    }
}
