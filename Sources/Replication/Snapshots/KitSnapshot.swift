package import Catalog
internal import IPLD
internal import Multiformats
package import Schema

/// Everything but content that a new kit home needs: pins, indexes, and the settings of backends without secrets.
///
/// It is one CAR, left on every backend by each sync under `kits/<kit>/<milliseconds>-<home>.car`. Whoever can write to
/// the backend can change it, so everything in it is read with bounds and believed as little as anything that a
/// stranger says.
package struct KitSnapshot: Sendable {
    /// The settings of one backend, without secrets, as the text of its file.
    package struct Backend: Sendable, Hashable {
        package let name: String
        package let settings: String

        package init(name: String, settings: String) {
            self.name = name
            self.settings = settings
        }
    }

    /// The kit that made it.
    package let kit: String
    package let createdAt: Timestamp
    package let backends: [Backend]
    /// Of other homes of the kit, up to which time of their snapshots the one that made this knew what they knew, in
    /// milliseconds.
    package let known: [String: Int64]
    private let file: CARFileReader
    private let pinPages: [CID]
    private let indexes: [CID]

    private static let format = "ipfs_kit_snapshot"

    /// Opens a snapshot in a file and checks every block of it.
    package init(path: String) throws(ReplicationError) {
        do {
            file = try CARFileReader(path: path)
            let root = try file.node(file.root)
            guard root["format"]?.asString == Self.format, let version = root["version"]?.asInt, version == 1 else {
                throw ReplicationError.badSnapshot("It is no snapshot that this version of ipfs-kit can read.")
            }
            kit = root["kit"]?.asString ?? ""
            createdAt = root["created_at"]?.asString.flatMap(Timestamp.init) ?? Timestamp(milliseconds: 0)
            let settings = root["backends"]?.asList ?? []
            try Self.check(count: settings.count)
            backends = try settings.map { node in
                guard let name = node["name"]?.asString, let settings = node["settings"]?.asString else {
                    throw ReplicationError.badSnapshot("The settings of a backend cannot be read.")
                }
                return Backend(name: name, settings: settings)
            }
            known = try Self.known(root["knows"])
            pinPages = try Self.links(root["pins"])
            indexes = try Self.links(root["indexes"])
        } catch {
            throw ReplicationError(error)
        }
    }

    private static func known(_ node: Node?) throws(ReplicationError) -> [String: Int64] {
        let homes = node?.asList ?? []
        guard homes.count <= mostHomes else { throw .badSnapshot("It knows of \(homes.count) homes.") }
        let known = homes.compactMap { home -> (String, Int64)? in
            guard let name = home["home"]?.asString, HomeName.isIdentifier(name),
                let time = home["until"]?.asInt.flatMap({ Int64(exactly: $0) }), (0...HomeName.latest).contains(time)
            else { return nil }
            return (name, time)
        }
        return Dictionary(known) { first, _ in first }
    }

    /// The most other homes that a snapshot says anything of.
    private static let mostHomes = 10_000

    /// The most backends that a snapshot has settings of.
    private static let mostBackends = 1000

    private static func check(count: Int) throws(ReplicationError) {
        guard count > mostBackends else { return }
        throw .badSnapshot(
            "A snapshot has the settings of at most \(mostBackends) backends, and this would be of \(count)."
        )
    }

    /// The links of a list; anything else in its place is an error, for what it leads to must not be lost quietly.
    private static func links(_ node: Node?) throws(ReplicationError) -> [CID] {
        guard let nodes = node?.asList else { throw .badSnapshot("A list is missing in the snapshot.") }
        let links = nodes.compactMap(\.asLink)
        guard links.count == nodes.count else {
            throw .badSnapshot("A list of the snapshot has more than links in it.")
        }
        return links
    }

    /// All pins; a row that cannot be read is an error, for a pin must not be lost quietly.
    package func pins() throws(ReplicationError) -> [Pin] {
        try rows(pinPages) { Pin(node: $0) }
    }

    /// The mappings of every backend.
    package func mappings() throws(ReplicationError) -> [Mapping] {
        do {
            let pages = try indexes.flatMap { try Self.links(try file.node($0)["pages"]) }
            return try rows(pages) { Mapping(node: $0) }
        } catch {
            throw ReplicationError(error)
        }
    }

    /// What a home knows that a snapshot may tell it.
    struct Knowledge: Sendable {
        /// The backends that have settings.
        var backends: Set<String> = []
        var pins: [CID: Pin] = [:]
        /// When each root was seen whole, by the names of backends.
        var stored: [String: [CID: Timestamp]] = [:]
    }

    /// Whether a home knows all that is here: what each pin says, and no copy that was gone when this was made.
    func isContained(in known: Knowledge) throws(ReplicationError) -> Bool {
        guard backends.allSatisfy({ known.backends.contains($0.name) }) else { return false }
        for pin in try pins() {
            guard let own = known.pins[pin.cid], pin.news(for: own) == nil else { return false }
        }
        var stored: [String: Set<CID>] = [:]
        for mapping in try mappings() where mapping.status == .stored {
            stored[mapping.backend, default: []].insert(mapping.cid)
        }
        for (backend, roots) in known.stored {
            for (root, seenAt) in roots where seenAt <= createdAt {
                guard stored[backend]?.contains(root) == true else { return false }
            }
        }
        return true
    }

    private func rows<Row>(_ pages: [CID], _ read: (Node) -> Row?) throws(ReplicationError) -> [Row] {
        do {
            var rows: [Row] = []
            var seen: Set<CID> = []
            for page in pages {
                // Every page is in the file once; a list of a thousand times the same one is not.
                guard seen.insert(page).inserted else {
                    throw ReplicationError.badSnapshot("A page of the snapshot stands there twice.")
                }
                guard let nodes = try file.node(page).asList else {
                    throw ReplicationError.badSnapshot("A page of the snapshot is no list.")
                }
                for node in nodes {
                    guard node.weight <= PagedRows.heaviestRow, let row = read(node) else {
                        throw ReplicationError.badSnapshot("A row of the snapshot cannot be read.")
                    }
                    rows.append(row)
                }
            }
            return rows
        } catch {
            throw ReplicationError(error)
        }
    }

    /// Writes a snapshot of the catalog to a file.
    package static func write(
        to path: String,
        _ identity: Catalog.Identity,
        catalog: Catalog,
        backends: [Backend]
    ) async throws(ReplicationError) {
        try await translating {
            try check(count: backends.count)
            let car = try CARFileWriter(path: path)
            let time = catalog.time
            var pinPages = PagedRows()
            for pin in try await catalog.pins() { try pinPages.add(pin.node, cid: pin.cid) { try car.append($0) } }
            let pins = try pinPages.finish { try car.append($0) }
            var indexes: [Node] = []
            for state in try await catalog.backendStates() {
                let pages = Locking(PagedRows())
                try await catalog.eachMapping(on: state.name) { rows in
                    try pages.change { pages in
                        for row in rows { try pages.add(row.node, cid: row.cid) { try car.append($0) } }
                    }
                }.get()
                indexes.append(
                    .link(try pages.change { try indexRoot(state.name, &$0, at: time) { try car.append($0) } })
                )
            }
            let settings = backends.map { backend in
                Node.map([.init("name", .string(backend.name)), .init("settings", .string(backend.settings))])
            }
            let known = try await catalog.knownHomes(of: identity.kit).sorted { $0.key < $1.key }.suffix(mostHomes)
            let homes = known.map { (home, time) in
                Node.map([.init("home", .string(home)), .init("until", .integer(Int128(time)))])
            }
            let root = Block(
                codec: .dagCBOR,
                bytes: try Node.map([
                    .init("version", .integer(1)), .init("format", .string(format)),
                    .init("kit", .string(identity.kit)),
                    .init("home", .string(identity.instance)), .init("created_at", .string(time.description)),
                    .init("backends", .list(settings)), .init("knows", .list(homes)),
                    .init("pins", pins), .init("indexes", .list(indexes)),
                ]).cbor()
            )
            try car.append(root)
            try car.finish(root: root.cid)
        }
    }
}
