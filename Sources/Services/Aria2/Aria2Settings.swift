package import Schema

/// The settings of a backend that fetches with aria2.
package struct Aria2Settings: Described {
    package var backends: [String] = []
    package var rpcURL = ""
    package var startsDaemon: Bool?
    package var folder = ""
    package var program: [String] = []
    package var port = 0
    package var listensEverywhere = false
    package var connections = 4
    package var pieces = 8
    package var leastPiece = ByteCount(1 << 20)
    package var longest = ByteCount(1 << 40)
    package var minFree = ByteCount(0)
    package var rpcSecret = ""
    package var http = HTTPSettings()

    package init() {}

    package static let fields: [Field<Self>] =
        daemon + download + HTTPSettings.fields.map { $0.of(\.http) }

    private static let daemon: [Field<Self>] = [
        Field(
            "backends",
            \.backends,
            help: "The backends whose URLs are used; all that give any where none is named.",
            aliases: ["relays"]
        ),
        Field(
            "rpc_url",
            \.rpcURL,
            help: "The JSON-RPC interface of a daemon that runs already; else ARIA2_RPC_URL is read. Without it, one "
                + "is started as long as it is used.",
            address: true,
            aliases: ["aria2_rpc_url"]
        ),
        Field(
            "start_daemon",
            \.startsDaemon,
            help: "Whether a daemon is started all the same where rpc_url names one.",
            aliases: ["auto_start_daemon"]
        ),
        Field(
            "aria2_command",
            \.program,
            help: "The program to start in place of aria2c, and words that stand before all others.",
            as: .program
        ),
        Field(
            "listen_port",
            \.port,
            help: "The port of this machine on which a daemon that is started listens; 0 is one that is free.",
            least: 0,
            aliases: ["rpc_listen_port"]
        ),
        Field(
            "rpc_listen_all",
            \.listensEverywhere,
            help: "Read in older files: a daemon that is started listens to this machine alone, whatever it says."
        ),
        Field(
            "rpc_secret",
            \.rpcSecret,
            help: "The secret of a daemon that runs; else ARIA2_RPC_SECRET is read, for the one of ARIA2_RPC_URL.",
            secret: true,
            section: .credentials,
            aliases: ["rpc_token", "aria2_rpc_secret"]
        ),
    ]

    private static let download: [Field<Self>] = [
        Field(
            "download_folder",
            \.folder,
            help: "Where CARs lie while they are fetched, here and for the daemon; in the home where it is left out.",
            as: .path,
            aliases: ["download_dir"]
        ),
        Field(
            "connections_per_server",
            \.connections,
            help: "How many connections a CAR is fetched over from one server, from 1 to 16.",
            least: 1,
            aliases: ["max_connection_per_server"]
        ),
        Field(
            "split",
            \.pieces,
            help: "In how many pieces a CAR is fetched at once, from all servers together.",
            least: 1
        ),
        Field(
            "min_split_size",
            \.leastPiece,
            help: "What is shorter than two of these comes over one connection, from 1MiB to 1GiB."
        ),
        Field("max_size", \.longest, help: "The longest CAR that is fetched."),
        Field("min_free", \.minFree, help: "Room to leave on the disk; content that would use it is refused."),
    ]
}
