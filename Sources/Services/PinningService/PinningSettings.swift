package import Schema

/// The settings of a backend on a pinning service.
package struct PinningSettings: Described {
    package var endpoint = ""
    package var gatewayURL = ""
    package var origins: [String] = []
    package var uploads = true
    package var uploadURL = ""
    package var group = ""
    package var bucket = ""
    /// Longer CARs are uploaded in parts.
    package var threshold = ByteCount(100_000_000)
    package var partSize = ByteCount(50 << 20)
    package var http = HTTPSettings()
    package var token = ""
    package var apiKey = ""
    package var apiSecret = ""
    package var gatewayToken = ""
    package var keys = AccessKeySettings()

    package init() {}

    package static let fields: [Field<Self>] =
        connection + HTTPSettings.fields.map { $0.of(\.http) } + credentials
        + AccessKeySettings.fields.filter { ["access_key_id", "secret_access_key"].contains($0.info.name) }
        .map { $0.of(\.keys) }

    private static let connection: [Field<Self>] = [
        Field(
            "endpoint",
            \.endpoint,
            help: "The URL of the pinning API, up to and without /pins; the vendor's own where it is left out.",
            address: true,
            aliases: ["endpoint_url", "pinning_endpoint"]
        ),
        Field(
            "gateway_url",
            \.gatewayURL,
            help: "The gateway of the service, by which content is read back; the vendor's own where it is left out, "
                + "and none where it is “none”: then all that the service says is a claim.",
            address: true,
            aliases: ["gateway", "gateway_domain", "dedicated_gateway"]
        ),
        Field(
            "origins",
            \.origins,
            help: "Multiaddrs of nodes that have the content, which the service is told.",
            aliases: ["provider_multiaddrs"]
        ),
        Field(
            "upload",
            \.uploads,
            help: "Whether CARs are uploaded where the vendor takes them; else the service fetches content by itself."
        ),
        Field(
            "upload_url",
            \.uploadURL,
            help: "Where uploads go; the vendor's own where it is left out.",
            address: true
        ),
        Field("group", \.group, help: "The number of the group of files at Pinata.", aliases: ["group_id"]),
        Field(
            "bucket",
            \.bucket,
            help: "The bucket at Filebase through which CARs are imported.",
            aliases: ["bucket_name", "bucketName"]
        ),
        Field("multipart_threshold", \.threshold, help: "Longer CARs go to Pinata in parts."),
        Field("part_size", \.partSize, help: "The length of a part; a part that fails is read and sent again."),
    ]

    private static let credentials: [Field<Self>] = [
        Field(
            "token",
            \.token,
            help: "The access token; else a variable of the vendor is read, such as PINATA_JWT, for his own endpoint.",
            secret: true,
            section: .credentials,
            aliases: ["access_token", "api_token", "jwt", "pinata_jwt"]
        ),
        Field(
            "api_key",
            \.apiKey,
            help: "The key of an older account at Pinata, where there is no token; else PINATA_API_KEY is read.",
            section: .credentials,
            aliases: ["pinata_api_key"]
        ),
        Field(
            "api_secret",
            \.apiSecret,
            help: "The secret that belongs to it; else PINATA_API_SECRET is read.",
            secret: true,
            section: .credentials,
            aliases: ["secret_api_key", "pinata_secret_api_key", "pinata_api_secret"]
        ),
        Field(
            "gateway_token",
            \.gatewayToken,
            help: "What the gateway is shown.",
            secret: true,
            section: .credentials,
            aliases: ["gateway_key", "pinata_gateway_token"]
        ),
    ]
}
