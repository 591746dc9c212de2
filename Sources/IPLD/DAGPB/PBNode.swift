/// A dag-pb node: links and data (the DAG-PB specification).
public struct PBNode: Sendable, Hashable {
    /// The links, in the order they were stored.
    public var links: [PBLink]

    /// The data, or nil where the field is absent, which is not the same as empty data.
    public var data: [UInt8]?

    /// A node from its parts.
    public init(links: [PBLink] = [], data: [UInt8]? = nil) {
        self.links = links
        self.data = data
    }

    /// The canonical bytes: links sorted by name (stable, an absent name counts as empty), then data.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(links.reduce(8 + (data?.count ?? 0)) { $0 + $1.encodedLength })
        for link in Self.sorted(links) { link.append(to: &bytes) }
        if let data { appendProtobuf(key: 0x0A, data, to: &bytes) }
        return bytes
    }

    /// The links by name; `sort` is stable in Swift.
    private static func sorted(_ links: [PBLink]) -> [PBLink] {
        func isBefore(_ left: PBLink, _ right: PBLink) -> Bool {
            (left.name ?? []).lexicographicallyPrecedes(right.name ?? [])
        }
        let isSorted = zip(links, links.dropFirst()).allSatisfy { !isBefore($1, $0) }
        return isSorted ? links : links.sorted(by: isBefore)
    }
}
