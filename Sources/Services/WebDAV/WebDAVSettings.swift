package import Schema

/// The settings of a WebDAV backend.
package struct WebDAVSettings: Described {
    /// How the server is told who asks.
    package enum Scheme: String, Sendable, FieldChoice {
        case auto, basic, digest
    }

    package var url = ""
    package var http = HTTPSettings()
    package var scheme = Scheme.auto
    package var user = ""
    package var password = ""
    package var token = ""

    package init() {}

    package static let fields: [Field<Self>] = connection + HTTPSettings.fields.map { $0.of(\.http) } + credentials

    private static let connection: [Field<Self>] = [
        Field(
            "url",
            \.url,
            help: "The URL of the folder that holds the objects; it has to exist.",
            required: true,
            address: true,
            aliases: ["webdav_url"]
        ),
        Field(
            "auth",
            \.scheme,
            help: "How the password is shown; auto shows it only where there is TLS, or on this machine, and proves "
                + "it by digests elsewhere.",
            aliases: ["auth_type"]
        ),
    ]

    private static let credentials: [Field<Self>] = [
        Field(
            "user",
            \.user,
            help: "The user there.",
            section: .credentials,
            aliases: ["webdav_user"]
        ),
        Field(
            "password",
            \.password,
            help: "The password of the user, or one for applications.",
            secret: true,
            section: .credentials,
            aliases: ["pass", "webdav_password"]
        ),
        Field(
            "bearer_token",
            \.token,
            help: "A token to show in place of user and password.",
            secret: true,
            section: .credentials
        ),
    ]
}
