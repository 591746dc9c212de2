package import Catalog
internal import IPLD
internal import Multiformats
package import Schema

/// Everything but content that a new kit home needs: pins, indexes, and the settings of backends without secrets.
///
/// Each sync leaves one on every backend, as `kits/<kit>/<milliseconds>-<home>.car`. What it says stands in trees of
/// pages, of which most are in other objects, and are those of earlier snapshots too; those of the first form stand by
/// themselves. Whoever can write to the backend can change it, so everything in it is read with bounds and believed as
/// little as anything that a stranger says.
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

    /// Where a list of rows is: pages one after the other in the first form, and then the top of a tree.
    private enum Rows {
        case pages([CID])
        case tree(CID?, rows: Int)
    }

    /// The mappings of one backend.
    private struct Index {
        let backend: String
        let rows: Rows
        /// Whether nothing counts that was seen there.
        let isAstray: Bool
    }

    /// The kit that made it.
    package let kit: String
    package let createdAt: Timestamp
    package let backends: [Backend]
    /// Of other homes of the kit, up to which time of their snapshots the one that made this knew what they knew, in
    /// milliseconds.
    package let known: [String: Int64]
    /// Objects that it needs besides, by the last part of their names.
    let shared: [String]
    private var blocks: CARFileReader
    private let pinRows: Rows
    private let indexes: [Index]

    static let format = "ipfs_kit_snapshot"
    /// The version of what is written.
    static let version = 2

    /// Opens a snapshot in a file; what it needs besides is to be taken before its rows are read.
    package init(path: String) throws(ReplicationError) {
        do {
            var blocks = try CARFileReader(path: path)
            guard let top = try blocks.take(from: 0) else {
                throw blocks.problem ?? DecodingProblem(.badRoots, "The archive \(path) names no root.")
            }
            let root = try blocks.node(top)
            guard root["format"]?.asString == Self.format, let version = root["version"]?.asInt else {
                throw ReplicationError.badSnapshot("It is no snapshot that this version of ipfs-kit can read.")
            }
            guard (1...Self.version).contains(version) else {
                throw ReplicationError.badSnapshot(
                    "It was made by a later version of ipfs-kit: its form is \(version), and this one reads forms up to "
                        + "\(Self.version)."
                )
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
            if version == 1 {
                shared = []
                pinRows = .pages(try Self.links(root["pins"]))
                // Each leads to the pages of one backend, which stands in each row.
                let pages = try Self.links(root["indexes"]).flatMap { try Self.links(try blocks.node($0)["pages"]) }
                indexes = [Index(backend: "", rows: .pages(pages), isAstray: false)]
            } else {
                shared = try Self.shared(root["shared"])
                pinRows = try Self.tree(root["pins"])
                indexes = try Self.indexes(root["indexes"])
            }
            self.blocks = blocks
        } catch {
            throw ReplicationError(error)
        }
    }

    private static func known(_ node: Node?) throws(ReplicationError) -> [String: Int64] {
        let homes = node?.asList ?? []
        guard homes.count <= maxHomes else { throw .badSnapshot("It knows of \(homes.count) homes.") }
        let known = homes.compactMap { home -> (String, Int64)? in
            guard let name = home["home"]?.asString, HomeName.isIdentifier(name),
                let time = home["until"]?.asInt.flatMap({ Int64(exactly: $0) }), (0...HomeName.latest).contains(time)
            else { return nil }
            return (name, time)
        }
        return Dictionary(known) { first, _ in first }
    }

    /// The most other homes that a snapshot says anything of.
    static let maxHomes = 10_000

    /// The most backends that a snapshot has settings of.
    private static let maxBackends = 1000

    /// The most other objects that a snapshot needs.
    static let maxShared = 1000

    /// Throws where a snapshot would have the settings of too many backends.
    static func check(count: Int) throws(ReplicationError) {
        guard count > maxBackends else { return }
        throw .badSnapshot(
            "A snapshot has the settings of at most \(maxBackends) backends, and this would be of \(count)."
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

    private static func shared(_ node: Node?) throws(ReplicationError) -> [String] {
        guard let nodes = node?.asList, nodes.count <= maxShared else {
            throw .badSnapshot("The list of what the snapshot needs cannot be read.")
        }
        let names = nodes.compactMap(\.asString)
        guard names.count == nodes.count, Set(names).count == names.count else {
            throw .badSnapshot("The list of what the snapshot needs has more than names in it, or one twice.")
        }
        return names
    }

    private static func tree(_ node: Node?) throws(ReplicationError) -> Rows {
        guard let node, let rows = node["rows"]?.asInt, rows >= 0 else {
            throw .badSnapshot("A list is missing in the snapshot.")
        }
        return .tree(node["root"]?.asLink, rows: rows)
    }

    private static func indexes(_ node: Node?) throws(ReplicationError) -> [Index] {
        guard let nodes = node?.asList, nodes.count <= maxHomes else {
            throw .badSnapshot("The list of the indexes in the snapshot cannot be read.")
        }
        return try nodes.map { (node) throws(ReplicationError) in
            guard let backend = node["backend"]?.asString else { throw .badSnapshot("An index has no backend.") }
            return Index(backend: backend, rows: try tree(node), isAstray: node["astray"] == .bool(true))
        }
    }

    /// Takes one of the objects that it needs, which begins at an offset of its file.
    mutating func take(from offset: UInt64) throws(ReplicationError) {
        do { _ = try blocks.take(from: offset) } catch { throw ReplicationError(error) }
    }

    /// Notes that one of the objects that it needs cannot be had.
    mutating func miss(_ name: String) {
        blocks.note(DecodingProblem(.missing, "\(name), with pages that it needs, is not there."))
    }

    /// All pins; a row that cannot be read is an error, for a pin must not be lost quietly.
    package func pins() throws(ReplicationError) -> [Pin] { try pins(toleratesLoss: false).rows }

    /// The mappings of every backend.
    package func mappings() throws(ReplicationError) -> [Mapping] { try mappings(toleratesLoss: false).rows }

    /// The rows of some kind that can be read, and how many are in pages that cannot.
    private typealias Part<Row> = (rows: [Row], lost: Int)

    private func reader(toleratesLoss: Bool) -> RowTreeReader {
        RowTreeReader(toleratesLoss: toleratesLoss) { [blocks] in try blocks.node($0) }
    }

    private func pins(toleratesLoss: Bool) throws(ReplicationError) -> Part<Pin> {
        var reader = reader(toleratesLoss: toleratesLoss)
        let pins = try rows(pinRows, "", &reader) {
            Pin(node: $0)
        } row: {
            Pin(row: $0)
        }
        return (pins, reader.lost)
    }

    private func mappings(toleratesLoss: Bool) throws(ReplicationError) -> Part<Mapping> {
        var reader = reader(toleratesLoss: toleratesLoss)
        var mappings: [Mapping] = []
        for index in indexes {
            mappings += try rows(index.rows, index.backend, &reader) {
                Mapping(node: $0)
            } row: { row in
                var mapping = Mapping(row: row, on: index.backend)
                if index.isAstray, mapping?.status == .stored { mapping?.status = .unknown }
                return mapping
            }
        }
        return (mappings, reader.lost)
    }

    /// What can be read of it, and what cannot.
    package struct Remains: Sendable {
        package let pins: [Pin]
        package let mappings: [Mapping]
        package let lostPins: Int
        package let lostMappings: Int
    }

    /// What can be read of one that is damaged; of the first form, and where its pages contradict one another, nothing.
    package func remains() throws(ReplicationError) -> Remains {
        let (pins, mappings) = (try pins(toleratesLoss: true), try mappings(toleratesLoss: true))
        return Remains(
            pins: pins.rows,
            mappings: mappings.rows,
            lostPins: pins.lost,
            lostMappings: mappings.lost
        )
    }

    private func rows<Row>(
        _ rows: Rows,
        _ list: String,
        _ reader: inout RowTreeReader,
        _ node: (Node) -> Row?,
        row: ([Node]) -> Row?
    ) throws(ReplicationError) -> [Row] {
        var found: [Row] = []
        func take(_ row: Row?) throws {
            guard let row else { throw ReplicationError.badSnapshot("A row of the snapshot cannot be read.") }
            found.append(row)
        }
        do {
            switch rows {
            case .tree(let root, let count): try reader.read(list, root, rows: count) { try take(row($0)) }
            case .pages(let pages):
                var seen: Set<CID> = []
                for page in pages {
                    // Every page is in the file once; a list of a thousand times the same one is not.
                    guard seen.insert(page).inserted else {
                        throw ReplicationError.badSnapshot("A page of the snapshot stands there twice.")
                    }
                    guard let nodes = try blocks.node(page).asList else {
                        throw ReplicationError.badSnapshot("A page of the snapshot is no list.")
                    }
                    for item in nodes { try take(item.weight <= PagedRows.heaviestRow ? node(item) : nil) }
                }
            }
        } catch {
            throw ReplicationError(error)
        }
        return found
    }
}
