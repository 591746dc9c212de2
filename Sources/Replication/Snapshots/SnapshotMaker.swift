internal import Catalog
internal import IPLD
internal import Multiformats
internal import Schema
internal import Storage

/// Makes snapshots of a catalog: of what changed since the one before, and of what the backend does not hold.
struct SnapshotMaker: Sendable {
    let catalog: Catalog
    let identity: Catalog.Identity
    let backends: [KitSnapshot.Backend]

    /// What has to be sent, and what is needed that is there.
    struct Made: Sendable {
        /// The bytes of the snapshot itself.
        let archive: [UInt8]
        /// The files of pages; none where the snapshot has them itself.
        let pages: [Cargo.Archive]
        /// How many pages of each object are needed.
        let live: [Int]
    }

    /// A list of rows as it was put into the snapshot.
    private struct Cut: Sendable {
        let list: RowList
        let memory: RowMemory
        let pages: [RowPage]
        let root: CID?

        var node: [Node.Entry] {
            let rows = Node.Entry("rows", .integer(Int128(pages.reduce(0) { $0 + $1.rows })))
            return [rows] + (root.map { [Node.Entry("root", .link($0))] } ?? [])
        }
    }

    /// Makes a snapshot that needs some of these objects; `new` gives the names of those that files become, by their
    /// last parts; these have at most `longest` bytes each, and lie where `file` says.
    func make(
        with objects: [PageObject],
        longest: UInt64 = .max,
        in file: @escaping @Sendable () -> String,
        new: (Int) -> String
    ) async throws -> Made {
        try KitSnapshot.check(count: backends.count)
        let time = catalog.time
        let cargo = Locked(Cargo(holding: objects, longest: longest, in: file))
        let pins = try await catalog.withPins(as: \.row) { memory, read in
            try cargo.change { try Self.cut(.pins, "", memory, &$0, read: read) }
        }
        var indexes: [(backend: String, cut: Cut)] = []
        for state in try await catalog.backendStates() {
            let cut = try await catalog.withMappings(on: state.name, as: \.row) { memory, read in
                try cargo.change {
                    try Self.cut(.mappings(on: state.name), state.name, memory, &$0, read: read)
                }
            }
            indexes.append((state.name, cut))
        }
        try await catalog.remember(([pins] + indexes.map(\.cut)).map { ($0.list, $0.memory, $0.pages) })
        let (archives, blocks, live) = try cargo.change { cargo in
            try cargo.finish()
            return (cargo.archives, cargo.blocks, cargo.live)
        }
        let needed = zip(objects, live).filter { $0.1 > 0 }.map {
            $0.0.name.split(separator: "/").last.map(String.init)
        }
        guard needed.count + archives.count <= KitSnapshot.maxShared else {
            throw ReplicationError.badSnapshot(
                "It would need more than \(KitSnapshot.maxShared) objects of at most \(longest) bytes, and no such snapshot is read: a "
                    + "backend that takes larger objects has room for one."
            )
        }
        let root = try await root(
            at: time,
            pins,
            indexes,
            shared: needed.compactMap(\.self) + archives.indices.map { new($0 + 1) }
        )
        return Made(archive: archive(root.cid, blocks + [root]), pages: archives, live: live)
    }

    /// Cuts a list into pages, of which those are made that are new, or that nobody has.
    private static func cut(
        _ list: RowList,
        _ name: String,
        _ memory: RowMemory,
        _ cargo: inout Cargo,
        read: RowTree.Reader
    ) throws -> Cut {
        if let cut = try again(list, name, memory, memory.pages, &cargo, read: read) { return cut }
        // What is remembered is not what is there, so nothing of it counts.
        guard let cut = try again(list, name, memory, [], &cargo, read: read) else {
            throw CatalogError(.corrupt, "The catalog is damaged: it does not have as many rows as it says.")
        }
        return cut
    }

    /// The same from pages that are remembered; nil where they are not those of the rows.
    private static func again(
        _ list: RowList,
        _ name: String,
        _ memory: RowMemory,
        _ known: [RowPage],
        _ cargo: inout Cargo,
        read: RowTree.Reader
    ) throws -> Cut? {
        let pages = try RowTree.pages(of: name, changing: known, at: memory.changed, read: read) { try cargo.add($0) }
        guard pages.reduce(0, { $0 + $1.rows }) == memory.rows else { return nil }
        for (index, page) in pages.enumerated() where !cargo.has(page.cid) {
            let next = index + 1 < pages.count ? pages[index + 1] : nil
            let block = try RowTree.page(of: name, page, before: next, read: read)
            guard block.cid == page.cid else { return nil }
            try cargo.add(block)
        }
        let root = try RowTree.root(of: name, above: pages) { try cargo.add($0) }
        return Cut(list: list, memory: memory, pages: pages, root: root)
    }

    private func root(
        at time: Timestamp,
        _ pins: Cut,
        _ indexes: [(backend: String, cut: Cut)],
        shared: [String]
    ) async throws -> Block {
        let settings = backends.map { backend in
            Node.map([.init("name", .string(backend.name)), .init("settings", .string(backend.settings))])
        }
        let known = try await catalog.knownHomes(of: identity.kit).sorted { $0.key < $1.key }
        let homes = known.suffix(KitSnapshot.maxHomes).map { (home, time) in
            Node.map([.init("home", .string(home)), .init("until", .integer(Int128(time)))])
        }
        let lists = indexes.map { (backend, cut) in
            // What this home cannot see counts for nobody.
            let astray = catalog.disregards(backend) ? [Node.Entry("astray", .bool(true))] : []
            return Node.map([.init("backend", .string(backend))] + cut.node + astray)
        }
        return Block(
            codec: .dagCBOR,
            bytes: try Node.map([
                .init("version", .integer(Int128(KitSnapshot.version))), .init("format", .string(KitSnapshot.format)),
                .init("kit", .string(identity.kit)), .init("home", .string(identity.instance)),
                .init("created_at", .string(time.description)), .init("backends", .list(settings)),
                .init("knows", .list(homes)), .init("pins", .map(pins.node)), .init("indexes", .list(lists)),
                .init("shared", .list(shared.map(Node.string))),
            ]).cbor()
        )
    }
}
