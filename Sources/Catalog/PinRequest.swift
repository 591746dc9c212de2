package import Multiformats
package import Schema
internal import SQLite

/// What somebody asks to be pinned, in the terms of the IPFS Pinning Service API.
package struct RequestedPin: Sendable, Hashable {
    package let cid: CID
    package let name: String
    package let metadata: [String: String]
    /// The addresses of those who may have the content, each of them once.
    package let origins: [String]

    package init(cid: CID, name: String = "", metadata: [String: String] = [:], origins: [String] = []) {
        (self.cid, self.name, self.metadata) = (cid, name, metadata)
        var seen: Set<String> = []
        self.origins = origins.filter { seen.insert($0).inserted }
    }

    /// As the specification has it: characters of a name, addresses, pairs of metadata.
    package static let longestName = 255
    package static let maxOrigins = 20
    package static let maxPairs = 1000
    /// The specification sets no length, in bytes, for an address.
    package static let longestOrigin = 2048

    /// The metadata as an object of JSON, the same for the same pairs.
    package var metadataText: String {
        let pairs = metadata.sorted { $0.key < $1.key }
        return JSON.object(pairs.map { JSON.Member($0.key, .string($0.value)) }).compact
    }

    var originsText: String { JSON.array(origins.map { .string($0) }).compact }

    /// Throws `tooLarge` for more than is kept of one request by `requester`.
    func check(by requester: String) throws(CatalogError) {
        let most: [(count: Int, limit: Int, what: String)] = [
            (name.unicodeScalars.count, Self.longestName, "characters in its name"),
            (requester.unicodeScalars.count, Self.longestName, "characters in the name of who asks"),
            (origins.count, Self.maxOrigins, "origins"),
            (origins.map(\.utf8.count).max() ?? 0, Self.longestOrigin, "bytes in an origin"),
            (metadata.count, Self.maxPairs, "pairs of metadata"),
            (metadataText.utf8.count, Pin.longestText, "bytes of metadata"),
        ]
        for (count, limit, what) in most where count > limit {
            throw CatalogError(.tooLarge, "The request for \(cid) has \(count) \(what); at most \(limit) are kept.")
        }
    }
}

/// A request that a root be pinned: one of the reasons for which it is.
package struct PinRequest: Sendable, Hashable {
    /// Chance, so that nobody guesses it.
    package let id: String
    package let pin: RequestedPin
    /// No other request has the same time.
    package let createdAt: Timestamp
    /// Who asked, such as the name of a token.
    package let createdBy: String

    init(id: String, pin: RequestedPin, createdAt: Timestamp, createdBy: String) {
        (self.id, self.pin, self.createdAt, self.createdBy) = (id, pin, createdAt, createdBy)
    }

    static let columns = "id, cid, name, metadata, origins, created_at, created_by"

    init(_ row: borrowing Row) throws(CatalogError) {
        guard case .object(let members)? = try? JSON(reading: row.bytes(3)),
            let origins = try? JSON(reading: row.bytes(4)).items
        else { throw CatalogError(.corrupt, "The catalog holds a request whose metadata or origins are damaged.") }
        self.init(
            id: row.text(0),
            pin: RequestedPin(
                cid: try columnCID(row, 1),
                name: row.text(2),
                metadata: Dictionary(members.map { ($0.name, $0.value.string ?? "") }) { first, _ in first },
                origins: origins.compactMap(\.string)
            ),
            createdAt: Timestamp(milliseconds: row.int64(5)),
            createdBy: row.text(6)
        )
    }
}

/// Which requests are listed: those for which all of it is true.
package struct RequestFilter: Sendable, Hashable {
    /// How a name is compared.
    package enum NameMatch: String, Sendable, CaseIterable {
        /// With the whole name; `iexact` whatever the case of the letters.
        case exact, iexact
        /// With a part of it; `ipartial` whatever the case of the letters.
        case partial, ipartial
    }

    /// For one of these; for any where there are none.
    package var cids: [CID] = []
    package var name: String?
    package var match = NameMatch.exact
    package var before: Timestamp?
    package var after: Timestamp?
    /// Pairs that the metadata have, among others.
    package var metadata: [String: String] = [:]
    package var createdBy: String?

    package init() {}

    /// The condition in SQL, with its values.
    var condition: (sql: String, values: [SQLValue]) {
        var terms = ["1"]
        var values: [SQLValue] = []
        func require(_ term: String, _ new: SQLValue...) {
            terms.append(term)
            values += new
        }
        if !cids.isEmpty {
            terms.append("cid IN (\(cids.map { _ in "?" }.joined(separator: ", ")))")
            values += cids.map { .blob($0.bytes) }
        }
        if let name {
            switch match {
            case .exact: require("name = ?", .text(name))
            case .iexact: require("folded_name = ?", .text(Self.folded(name)))
            case .partial: require("instr(name, ?) > 0", .text(name))
            case .ipartial: require("instr(folded_name, ?) > 0", .text(Self.folded(name)))
            }
        }
        if let before { require("created_at < ?", .integer(before.milliseconds)) }
        if let after { require("created_at > ?", .integer(after.milliseconds)) }
        if let createdBy { require("created_by = ?", .text(createdBy)) }
        for pair in metadata.sorted(by: { $0.key < $1.key }) {
            require(
                "EXISTS (SELECT 1 FROM json_each(metadata) WHERE key = ? AND value = ?)",
                .text(pair.key),
                .text(pair.value)
            )
        }
        return (terms.joined(separator: " AND "), values)
    }

    /// A name without the case of its letters, of which some have more than two: the Greek sigma, the sign of kelvin.
    static func folded(_ name: String) -> String { name.lowercased().uppercased() }
}
