package import Schema

/// The settings of a backend on a Kubo node.
package struct KuboSettings: Described {
    package var apiURL = ""
    package var apiAuth = ""
    package var folder = "/ipfs-kit"
    package var pinTimeout = 900
    package var http = HTTPSettings()

    package init() {}

    package static let fields: [Field<Self>] = connection + HTTPSettings.fields.map { $0.of(\.http) }

    private static let connection: [Field<Self>] = [
        Field(
            "api_url",
            \.apiURL,
            help: "Where the node's RPC API is, as a URL or a multiaddr; IPFS_API_URL and the file api in IPFS_PATH "
                + "are read where it is left out.",
            address: true,
            aliases: ["api", "ipfs_api", "ipfs_api_url", "api_address"]
        ),
        Field(
            "folder",
            \.folder,
            help: "The folder of the node's files (MFS) in which homes leave what they say of themselves.",
            aliases: ["mfs_path", "mfs_root"]
        ),
        Field(
            "pin_timeout",
            \.pinTimeout,
            help: "How many seconds the node may say nothing while it pins what was sent.",
            least: 1
        ),
        Field(
            "api_auth",
            \.apiAuth,
            help: "What API.Authorizations of the node asks for: bearer:TOKEN or basic:USER:PASSWORD.",
            secret: true,
            section: .credentials,
            aliases: ["api_authorization"]
        ),
    ]
}
