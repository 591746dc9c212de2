internal import POSIX
internal import Schema
internal import Storage

/// The hosts that the settings, variables or a running node name, and the token that is shown to them.
struct GatewayTarget: Sendable {
    let hosts: [GatewayHost]
    let token: String

    /// The word for a type whose hosts are daemons of Lassie.
    private static let lassie = "lassie"
    /// The word for a type whose network ended.
    private static let saturn = "saturn"
    /// So many hosts are taken at most.
    private static let most = 16

    /// Puts together settings, variables and the file that a running node leaves; throws `badSettings`.
    init(_ settings: GatewaySettings, in context: ServiceContext) async throws(StorageError) {
        let urls = settings.urls.isEmpty ? try await Self.usual(context) : settings.urls
        try self.init(settings, urls, as: context.type)
    }

    /// The hosts at some URLs for a word for the type; throws `badSettings` where that can never be right.
    init(_ settings: GatewaySettings, _ urls: [String], as type: String) throws(StorageError) {
        let isLassie = type == Self.lassie
        let fetching = try GatewayFetching(settings)
        guard isLassie || fetching == GatewayFetching() else {
            throw Self.bad("connection.protocols, providers and block_limit are for the type lassie alone.")
        }
        var hosts: [GatewayHost] = []
        for text in urls {
            guard let host = GatewayHost(text, fetching: isLassie ? fetching : nil) else {
                // It may hold a password, so it is not repeated.
                throw Self.bad(
                    "connection.urls, or what stands for it, has something in it that is no URL such as "
                        + "https://trustless-gateway.link without user and query."
                )
            }
            if !hosts.contains(host) { hosts.append(host) }
        }
        guard (1...Self.most).contains(hosts.count) else {
            throw Self.bad("connection.urls names \(hosts.count) hosts; it has to be from 1 to \(Self.most).")
        }
        guard !settings.isComplete || !isLassie else {
            throw Self.bad("connection.complete cannot be: Lassie has nothing itself, and looks for it elsewhere.")
        }
        guard !settings.isComplete || !hosts.contains(where: { $0.dialect == .files }) else {
            throw Self.bad("connection.complete cannot be: a web server has no words for what a gateway does not have.")
        }
        try Self.check(settings, hosts)
        (self.hosts, token) = (hosts, settings.token)
    }

    /// A token is shown to nobody but its owner, and on no way on which others could read it.
    private static func check(_ settings: GatewaySettings, _ hosts: [GatewayHost]) throws(StorageError) {
        guard !settings.token.isEmpty, let first = hosts.first else { return }
        guard settings.token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw bad("credentials.bearer_token has characters that no token has.")
        }
        if let open = hosts.first(where: { !$0.address.isPrivate(by: settings.http) }) {
            throw bad(
                "Without TLS that is verified, somebody on the way to \(open.address.host) could read "
                    + "credentials.bearer_token: use https in connection.urls."
            )
        }
        if let other = hosts.first(where: { !$0.address.isRelated(to: first.address) }) {
            throw bad(
                "credentials.bearer_token would be shown to \(first.address.host) and \(other.address.host), which are not "
                    + "of one owner: make a backend for each."
            )
        }
    }

    /// Where hosts are that no setting names.
    private static func usual(_ context: ServiceContext) async throws(StorageError) -> [String] {
        func value(_ name: String) -> String? { context.environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        switch context.type {
        case lassie:
            guard let port = value("LASSIE_PORT") else {
                throw bad("Nothing says where Lassie's daemon is: connection.urls and LASSIE_PORT are not set.")
            }
            return ["http://\(value("LASSIE_ADDRESS") ?? "127.0.0.1"):\(port)"]
        case saturn:
            throw bad(
                "connection.urls is not set, and there is no usual host: Saturn's network has shown no sign of life since "
                    + "2024. Name hosts of your own, or other gateways."
            )
        default:
            if let gateway = value("IPFS_GATEWAY") { return [gateway] }
            let file = UserFile("\(value("IPFS_PATH") ?? "~/.ipfs")/gateway", environment: context.environment)
            do throws(FileError) {
                return [try await file.text(limit: 4096).filter { !$0.isWhitespace }]
            } catch {
                throw StorageError(
                    .badSettings,
                    "Nothing says where gateways are: connection.urls and IPFS_GATEWAY are not set, and there is no file "
                        + "\(file.path), which a running node leaves.",
                    cause: error
                )
            }
        }
    }

    private static func bad(_ sentence: String) -> StorageError { StorageError(.badSettings, sentence) }
}

extension GatewayFetching {
    /// Takes what the settings say; throws `badSettings`.
    init(_ settings: GatewaySettings) throws(StorageError) {
        self.init(protocols: settings.protocols, providers: settings.providers, blockLimit: settings.blockLimit)
        guard protocols.allSatisfy({ HTTPText.isWord($0, besides: "-", 1...40) }) else {
            throw StorageError(.badSettings, "connection.protocols is a list of words such as http.")
        }
        guard providers.allSatisfy({ $0.hasPrefix("/") && HTTPText.isWord($0, besides: "/.:-_", 1...500) }) else {
            throw StorageError(
                .badSettings,
                "connection.providers is a list of multiaddrs such as /dns/host/tcp/443/https/p2p/PEER."
            )
        }
    }
}
