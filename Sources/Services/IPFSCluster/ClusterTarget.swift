internal import Schema
internal import Storage

/// Where the REST API of a cluster is and what it is shown, and where content is read.
struct ClusterTarget: Sendable {
    /// How a peer is told who asks.
    enum Access: Sendable, Equatable {
        case none
        /// The value of `Authorization`.
        case shown(String)
        /// What is shown to get a token.
        case login(String)
    }

    let api: HTTPAddress
    let access: Access
    /// The RPC APIs below which a node gives blocks and CARs, up to and with `/api/v0`.
    let proxies: [HTTPAddress]
    /// The addresses before `/ipfs`.
    let gateways: [HTTPAddress]

    /// The words of whoever runs a cluster for where its API is, the first one set counting.
    private static let variables = [
        "IPFS_CLUSTER_API_URL", "CLUSTER_API_URL", "CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS",
    ]
    private static let usual = "http://127.0.0.1:9094"
    /// More are asked by nobody.
    private static let mostDoors = 64

    /// Puts together settings and variables; throws `badSettings`.
    init(_ settings: ClusterSettings, environment: (String) -> String?) throws(StorageError) {
        try Self.check(settings)
        func value(_ names: [String]) -> String? {
            names.compactMap { environment($0) }.first { !$0.isEmpty }
        }
        let named = HTTPAddress(urlOrMultiaddr: value(Self.variables).map(Self.reachable) ?? Self.usual)
        let given = settings.apiURL.isEmpty ? settings.endpoint : settings.apiURL
        guard let api = given.isEmpty ? named : HTTPAddress(urlOrMultiaddr: given) else {
            throw Self.noAddress("connection.api_url, or the variable that stands for it,")
        }
        self.api = api
        var settings = settings
        let isEmpty = settings.user.isEmpty && settings.password.isEmpty && settings.token.isEmpty
        // What stands in variables is of the API that they name, and is shown to no other.
        if isEmpty, let named, named.scheme == api.scheme, named.host == api.host {
            settings.token = value(["IPFS_CLUSTER_TOKEN", "CLUSTER_TOKEN"]) ?? ""
            let pair = value(["CLUSTER_CREDENTIALS", "CLUSTER_RESTAPI_BASICAUTHCREDENTIALS"])
            if settings.token.isEmpty, let pair = pair?.split(separator: ",").first,
                let colon = pair.firstIndex(of: ":")
            {
                settings.user = String(pair[..<colon])
                settings.password = String(pair[pair.index(after: colon)...])
            }
        }
        access = try Self.access(settings, at: api)
        proxies = try Self.addresses(settings.proxyURLs, "connection.proxy_url").map { $0.below("/api/v0") }
        gateways = try Self.addresses(settings.gatewayURLs, "connection.gateway_url")
    }

    /// Where content is read: the cluster itself gives none.
    func doors(_ settings: ClusterSettings, _ context: ServiceContext) async throws(StorageError) -> ContentDoors {
        let hint = "name one in connection.proxy_url that asks for none"
        let words = NodeErrors.Words(address: "connection.proxy_url", credentials: hint)
        return try await ContentDoors(
            nodes: proxies,
            words,
            gateways: gateways,
            isOffline: !settings.readOnline,
            settings.http,
            silence: settings.pinTimeout,
            help: "A cluster gives no content itself: set connection.proxy_url or connection.gateway_url.",
            in: context
        )
    }

    /// Throws where an address, a number or a secret can be none.
    static func check(_ settings: ClusterSettings) throws(StorageError) {
        guard settings.apiURL.isEmpty || settings.endpoint.isEmpty || settings.apiURL == settings.endpoint else {
            throw StorageError(.badSettings, "connection.endpoint is an older word for connection.api_url: set one.")
        }
        _ = try addresses([settings.apiURL, settings.endpoint].filter { !$0.isEmpty }, "connection.api_url")
        _ = try addresses(settings.proxyURLs, "connection.proxy_url")
        _ = try addresses(settings.gatewayURLs, "connection.gateway_url")
        let (least, most) = settings.factors
        guard most == -1 || most == 0 || least != -1 && least <= most else {
            throw StorageError(.badSettings, "connection.replication_min is more than connection.replication_max.")
        }
        guard (1...86_400).contains(settings.pinTimeout) else {
            throw StorageError(.badSettings, "connection.pin_timeout must lie between 1 and 86400 seconds.")
        }
        for pair in settings.pinMetadata {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, parts[0] != ClusterPins.mark, pair.utf8.count <= 1024 else {
                throw StorageError(
                    .badSettings,
                    "connection.pin_metadata must be KEY=VALUE, in no more than 1024 bytes, and not of the key "
                        + "\(ClusterPins.mark), which is the kit's own."
                )
            }
        }
        guard settings.peers.allSatisfy({ HTTPText.isWord($0, besides: "", 1...128) }) else {
            throw StorageError(.badSettings, "connection.peers has something that is no ID of a peer.")
        }
    }

    /// Where a server is reached from here that listens at all addresses; of several, the first one counts.
    private static func reachable(_ text: String) -> String {
        let first = text.split { $0 == "," || $0.isWhitespace }.first.map(String.init) ?? ""
        return first.replacing("/ip4/0.0.0.0/", with: "/ip4/127.0.0.1/")
    }

    private static func addresses(_ texts: [String], _ setting: String) throws(StorageError) -> [HTTPAddress] {
        guard texts.count <= mostDoors else {
            throw StorageError(.badSettings, "\(setting) names more than \(mostDoors) addresses.")
        }
        var found: [HTTPAddress] = []
        for text in texts {
            guard let address = HTTPAddress(urlOrMultiaddr: text) else { throw noAddress(setting) }
            if !found.contains(address) { found.append(address) }
        }
        return found
    }

    // It may hold a password, so it is not repeated.
    private static func noAddress(_ setting: String) -> StorageError {
        let examples = "a URL such as http://127.0.0.1:9094, nor a multiaddr such as /ip4/127.0.0.1/tcp/9094"
        return StorageError(.badSettings, "\(setting) is neither \(examples).")
    }

    private static func access(_ settings: ClusterSettings, at api: HTTPAddress) throws(StorageError) -> Access {
        let (user, password, token) = (settings.user, settings.password, settings.token)
        guard !(user + password + token).isEmpty else { return .none }
        guard token.isEmpty || user.isEmpty && password.isEmpty else {
            let message = "Set credentials.bearer_token, or credentials.user and credentials.password, and not both."
            throw StorageError(.badSettings, message)
        }
        guard settings.allowsPlain || api.isPrivate(by: settings.http) else {
            throw StorageError(
                .badSettings,
                "Without TLS that is verified, others could read what is shown to \(api.host). Use https in "
                    + "connection.api_url, or allow it by connection.plain_credentials."
            )
        }
        let credentials = try HTTPCredentials(
            user: user,
            password: password,
            token: token,
            isShown: true,
            mayProve: false
        )
        credentials.teachRedactor()
        guard let shown = credentials.shown else { return .none }
        return settings.tokenLogin && token.isEmpty ? .login(shown) : .shown(shown)
    }
}
