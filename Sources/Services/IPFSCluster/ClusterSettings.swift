package import Schema

/// The settings of a backend on an IPFS Cluster.
package struct ClusterSettings: Described {
    /// What a cluster is given of a root.
    package enum Sending: String, Sendable, FieldChoice { case cars, cids }

    package var apiURL = ""
    package var endpoint = ""
    package var proxyURLs: [String] = []
    package var gatewayURLs: [String] = []
    package var readOnline = false
    package var send = Sending.cars
    package var replication = 0
    package var replicationMin = 0
    package var replicationMax = 0
    package var minPeers = 0
    package var peers: [String] = []
    package var namePrefix = ""
    package var pinMetadata: [String] = []
    package var expireIn = TimeSpan(seconds: 0)
    package var pinAttempts = 3
    package var recoverAfter = TimeSpan(seconds: 3600)
    package var pinTimeout = 900
    package var allowsPlain = false
    package var tokenLogin = false
    package var user = ""
    package var password = ""
    package var token = ""
    package var http = HTTPSettings()

    package init() {}

    package static let fields: [Field<Self>] =
        places + pins + credentials + HTTPSettings.fields.map { $0.of(\.http) }

    private static let places: [Field<Self>] = [
        Field(
            "api_url",
            \.apiURL,
            help: "Where the REST API of a peer is: a URL or a multiaddr; else IPFS_CLUSTER_API_URL, CLUSTER_API_URL "
                + "or CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS is read, and else it is 127.0.0.1:9094.",
            address: true,
            aliases: ["api_endpoint", "cluster_api", "cluster_api_url", "ipfs_cluster_api"]
        ),
        Field("endpoint", \.endpoint, help: "Older files have it for api_url.", address: true),
        Field(
            "proxy_url",
            \.proxyURLs,
            help: "Where content is read: the IPFS proxies of peers (port 9095), or the RPC APIs of their nodes.",
            aliases: ["ipfs_proxy_url", "proxy_listen_multiaddress"]
        ),
        Field("gateway_url", \.gatewayURLs, help: "Where content is read, too: trustless gateways of the nodes."),
        Field("read_online", \.readOnline, help: "Whether a node may fetch what is read from others, also outside."),
    ]

    private static let pins: [Field<Self>] = [
        Field("send", \.send, help: "What the cluster is given: cars, or cids alone, which it fetches itself."),
        factor("replication", \.replication, "On how many peers a pin is to be; -1 is all, 0 what the cluster says."),
        factor("replication_min", \.replicationMin, "On how many at least, in place of replication."),
        factor("replication_max", \.replicationMax, "On how many at most, in place of replication."),
        Field(
            "min_peers",
            \.minPeers,
            help: "On how many peers a root must be pinned to count as stored; 0 is what its pin asks for.",
            least: 0
        ),
        Field("peers", \.peers, help: "The IDs of the peers that are to have the pins.", aliases: ["user_allocations"]),
        Field("name_prefix", \.namePrefix, help: "What stands before the names of the pins."),
        Field("pin_metadata", \.pinMetadata, help: "What is said of each pin, as KEY=VALUE.", whole: true),
        Field("expire_in", \.expireIn, help: "After how long the cluster unpins what was pinned; 0 is never."),
        Field("pin_attempts", \.pinAttempts, help: "How often a peer tries before a pin counts as failed.", least: 1),
        Field("recover_after", \.recoverAfter, help: "How long a pin may be queued before it is to be recovered."),
        Field(
            "pin_timeout",
            \.pinTimeout,
            help: "How many seconds the node may say nothing while it pins what was sent.",
            least: 1
        ),
    ]

    private static func factor(
        _ name: String,
        _ path: any WritableKeyPath<Self, Int> & Sendable,
        _ help: String
    ) -> Field<Self> {
        let old = name.replacing("replication", with: "replication_factor")
        return Field(name, path, help: help, least: -1, aliases: [old])
    }

    private static let credentials: [Field<Self>] = [
        Field("plain_credentials", \.allowsPlain, help: "Whether secrets may be shown to others without TLS."),
        Field("token_login", \.tokenLogin, help: "Whether the password is shown to /token alone, for a token to show."),
        Field(
            "user",
            \.user,
            help: "The user there; else CLUSTER_CREDENTIALS or CLUSTER_RESTAPI_BASICAUTHCREDENTIALS (USER:PASSWORD) is "
                + "read, for the API that variables name, or that of this machine.",
            section: .credentials,
            aliases: ["username", "cluster_user", "cluster_username"]
        ),
        Field(
            "password",
            \.password,
            help: "The password of the user.",
            secret: true,
            section: .credentials,
            aliases: ["pass", "cluster_password"]
        ),
        Field(
            "bearer_token",
            \.token,
            help: "A token to show in place of them; else IPFS_CLUSTER_TOKEN or CLUSTER_TOKEN is read, as the user is.",
            secret: true,
            section: .credentials,
            aliases: ["auth_token", "cluster_token"]
        ),
    ]

    /// On how many peers a pin is to be at least and at most, as a pin is given it; 0 is what the cluster says.
    var factors: (least: Int, most: Int) {
        (replicationMin == 0 ? replication : replicationMin, replicationMax == 0 ? replication : replicationMax)
    }
}
