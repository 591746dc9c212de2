package import Schema

/// The settings of a backend that only reads from gateways.
package struct GatewaySettings: Described {
    package var urls: [String] = []
    package var isComplete = false
    package var protocols: [String] = []
    package var providers: [String] = []
    package var blockLimit = 0
    package var token = ""
    package var http = HTTPSettings()

    package init() {}

    package static let fields: [Field<Self>] = connection + HTTPSettings.fields.map { $0.of(\.http) }

    private static let connection: [Field<Self>] = [
        Field(
            "urls",
            \.urls,
            help:
                "Where gateways are, in the order in which they are asked; a URL with {cid} in it is that of CARs on a web "
                + "server, and {last2} stands for the last two letters of the CID. Where it is left out, IPFS_GATEWAY is "
                + "read, or the file gateway that a running node leaves in IPFS_PATH; for lassie, LASSIE_PORT.",
            address: true,
            aliases: ["gateways", "gateway_urls"]
        ),
        Field(
            "complete",
            \.isComplete,
            help: "Whether these hosts have all there is: only then content that all of them do not have is absent."
        ),
        Field(
            "protocols",
            \.protocols,
            help: "By which protocols Lassie may fetch, such as http; its own choice where it is left out."
        ),
        Field(
            "providers",
            \.providers,
            help: "From whom alone Lassie fetches, as multiaddrs that end with /p2p/ and the peer."
        ),
        Field(
            "block_limit",
            \.blockLimit,
            help: "The most blocks that Lassie fetches for one request; 0 is its own limit.",
            least: 0,
            aliases: ["max_blocks"]
        ),
        Field(
            "bearer_token",
            \.token,
            help: "A token to show to the hosts, which have to be of one owner then.",
            secret: true,
            section: .credentials
        ),
    ]
}
