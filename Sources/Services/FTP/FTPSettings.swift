package import FTPClient
package import Schema

extension FTPLogin.Security: FieldChoice {
    /// Older settings say only whether there is TLS.
    package init(field: FieldValue) throws(FieldProblem) {
        let word = ["true": "explicit", "false": "none"][field.text.lowercased()] ?? field.text.lowercased()
        guard let value = Self(rawValue: word) else {
            throw FieldProblem("“\(word)” is not one of explicit, implicit, none")
        }
        self = value
    }
}

/// The settings of an `ftp` backend.
package struct FTPSettings: Described {
    package var host = ""
    package var port = 0
    package var path = ""
    /// Nil for what the port says: that for implicit TLS is one of its own.
    package var security: FTPLogin.Security?
    package var allowsPlain = false
    package var isPassive = true
    package var connections = 4
    /// Which certificates are trusted and shown; other words of HTTP mean nothing here.
    package var http = HTTPSettings()
    package var user = ""
    package var password = ""

    package init() {}

    package static let fields: [Field<Self>] =
        connection + HTTPSettings.fields.filter { tls.contains($0.info.name) }.map { $0.of(\.http) } + [
            Field(
                "user",
                \.user,
                help:
                    "The user there; nobody in particular where FTP_USER says none either, for the server of FTP_HOST.",
                section: .credentials,
                aliases: ["username", "ftp_user"]
            ),
            Field(
                "password",
                \.password,
                help: "The password of the user; else FTP_PASSWORD is read, as the user is.",
                secret: true,
                section: .credentials,
                aliases: ["pass", "ftp_password"]
            ),
        ]

    /// What of the words for HTTP is about TLS.
    private static let tls: Set = ["ca_file", "verify_tls", "client_certificate", "client_key", "minimum_tls"]

    private static let connection: [Field<Self>] = [
        Field("host", \.host, help: "The server; else FTP_HOST is read.", aliases: ["hostname", "ftp_host"]),
        Field("port", \.port, help: "The port; 21, or 990 for implicit TLS, where it is left out.", least: 0),
        Field(
            "path",
            \.path,
            help: "The directory there that holds the objects; it has to exist. Without / it lies where one is after "
                + "the login.",
            required: true,
            aliases: ["remote_base_path", "remote_path", "root"]
        ),
        Field(
            "tls",
            \.security,
            help: "How the connection is made secure: explicit, implicit, or none; explicit, or implicit on port 990, "
                + "where it is left out.",
            aliases: ["explicit_tls"]
        ),
        Field("plain_credentials", \.allowsPlain, help: "Whether secrets may be shown to others without TLS."),
        Field(
            "passive",
            \.isPassive,
            help: "Whether this side opens all connections; the other way round is not spoken.",
            aliases: ["passive_mode"]
        ),
        Field("connections", \.connections, help: "How many sessions may be open at once.", least: 1),
    ]
}
