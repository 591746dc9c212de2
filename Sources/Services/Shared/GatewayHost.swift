internal import HTTPClient
internal import Multiformats
internal import Storage

/// What of a DAG is asked for at once.
enum GatewayScope: Sendable, Hashable {
    /// Everything below a block.
    case all
    /// A block alone.
    case block
    /// Blocks of a file that have some of its bytes, or all, with those that lead to them.
    case file(Range<UInt64>?)
}

/// How a daemon of Lassie goes about it; nothing where it decides by itself.
struct GatewayFetching: Sendable, Hashable {
    var protocols: [String] = []
    var providers: [String] = []
    var blockLimit = 0
}

/// One host, and how it is asked.
struct GatewayHost: Sendable, Hashable, CustomStringConvertible {
    enum Dialect: Sendable, Hashable {
        /// CARs and blocks, as the specification of trustless gateways says.
        case trustless
        /// CARs alone, which it fetches from others.
        case lassie(GatewayFetching)
        /// CARs that lie as files under a name with their root in it.
        case files
    }

    let address: HTTPAddress
    let dialect: Dialect

    /// The host at a URL, a daemon of Lassie where it is told how to fetch; nil where the URL can be none.
    init?(_ text: String, fetching: GatewayFetching?) {
        guard var address = HTTPAddress(base: text, scheme: "https") else { return nil }
        let isFile = address.path.contains("{cid}")
        dialect = isFile ? .files : fetching.map(Dialect.lassie) ?? .trustless
        if !isFile {
            guard !address.path.contains("{") else { return nil }
            // People name it with the path that every request begins with.
            if address.path.hasSuffix("/ipfs") { address.path.removeLast("/ipfs".count) }
        }
        self.address = address
    }

    /// The trustless gateway at an address, before `/ipfs`.
    init(trustless address: HTTPAddress) { (self.address, dialect) = (address, .trustless) }

    var description: String { address.url(address.path) }

    /// Whether single blocks can be had: Lassie's come in a CAR.
    var givesBlocks: Bool { dialect != .files }

    /// Whether anybody can read a CAR by a URL alone: of Lassie it has to be asked for by a header.
    var hasURLs: Bool { if case .lassie = dialect { false } else { true } }

    /// Whether a part of a DAG can be had: of a file all of it is read.
    func gives(_ scope: GatewayScope) -> Bool { dialect != .files || scope != .block }

    // MARK: Requests

    /// The URL of a CAR.
    func url(of cid: CID, _ scope: GatewayScope) -> String {
        switch dialect {
        case .files:
            let text = "\(cid)"
            let path = address.path.replacing("{cid}", with: text).replacing("{last2}", with: String(text.suffix(2)))
            return address.url(path)
        case .trustless:
            let form = [("format", "car"), ("car-version", "1"), ("car-order", "dfs"), ("car-dups", "n")]
            return url(of: cid, form + Self.query(scope))
        case .lassie(let fetching):
            var query = Self.query(scope)
            if !fetching.protocols.isEmpty { query.append(("protocols", fetching.protocols.joined(separator: ","))) }
            if !fetching.providers.isEmpty { query.append(("providers", fetching.providers.joined(separator: ","))) }
            if fetching.blockLimit > 0 { query.append(("blockLimit", "\(fetching.blockLimit)")) }
            return url(of: cid, query)
        }
    }

    /// The URL of a single block.
    func url(ofBlock cid: CID) -> String { url(of: cid, [("format", "raw")]) }

    private func url(of cid: CID, _ query: [(name: String, value: String)]) -> String {
        address.url(
            "\(address.path)/ipfs/\(cid)",
            query: HTTPText.query(query.map { HTTPField(name: $0.name, value: $0.value) })
        )
    }

    /// Bytes are named with the last one, and count for a file alone.
    private static func query(_ scope: GatewayScope) -> [(name: String, value: String)] {
        switch scope {
        case .all: [("dag-scope", "all")]
        case .block: [("dag-scope", "block")]
        case .file(nil): [("dag-scope", "entity")]
        case .file(let range?) where range.isEmpty: [("dag-scope", "block")]
        case .file(let range?):
            [("dag-scope", "entity"), ("entity-bytes", "\(range.lowerBound):\(range.upperBound - 1)")]
        }
    }
}
