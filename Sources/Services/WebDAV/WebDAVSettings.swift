package import Schema

/// The settings of a WebDAV backend.
package struct WebDAVSettings: Described {
    /// How the server is told who asks.
    package enum Scheme: String, Sendable, FieldChoice { case auto, basic, digest, bearer }

    package var url = ""
    package var scheme = Scheme.auto
    package var allowsPlain = false
    package var http = HTTPSettings()
    package var parts = PartSettings()
    package var user = ""
    package var password = ""
    package var token = ""

    package init() {}

    package static let fields: [Field<Self>] =
        connection + HTTPSettings.fields.map { $0.of(\.http) } + PartSettings.fields.map { $0.of(\.parts) }
        + credentials

    private static let connection: [Field<Self>] = [
        Field(
            "url",
            \.url,
            help: "The URL of the folder that holds the objects, which has to exist; else WEBDAV_URL is read.",
            address: true,
            aliases: ["webdav_url"]
        ),
        Field(
            "auth",
            \.scheme,
            help: "How the server is told who asks; auto shows a password only where nobody else can read it.",
            aliases: ["auth_type"]
        ),
        Field("plain_credentials", \.allowsPlain, help: "Whether secrets may be shown to others without TLS."),
    ]

    private static let credentials: [Field<Self>] = [
        Field(
            "user",
            \.user,
            help: "The user there; else WEBDAV_USER or WEBDAV_USERNAME is read, for the server of WEBDAV_URL.",
            section: .credentials,
            aliases: ["username", "webdav_user", "webdav_username"]
        ),
        Field(
            "password",
            \.password,
            help: "The password of the user, or one for applications; else WEBDAV_PASSWORD is read, as the user is.",
            secret: true,
            section: .credentials,
            aliases: ["pass", "webdav_password"]
        ),
        Field(
            "bearer_token",
            \.token,
            help: "A token to show in place of user and password; else WEBDAV_TOKEN is read, as the user is.",
            secret: true,
            section: .credentials,
            aliases: ["webdav_token"]
        ),
    ]
}
