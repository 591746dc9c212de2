internal import Storage

extension HTTPCredentials {
    /// Takes those of the settings, or else those that variables give; throws `badSettings`.
    ///
    /// Variables are of the server that `WEBDAV_URL` names, and are shown to no other, whoever named that.
    init(
        _ settings: WebDAVSettings,
        at address: HTTPAddress,
        environment: (String) -> String?
    ) throws(StorageError) {
        var given = settings
        let server = environment("WEBDAV_URL").flatMap { HTTPAddress(base: $0, scheme: "https") }
        if server.map({ $0.scheme == address.scheme && $0.host == address.host }) == true, given.token.isEmpty {
            let user = Self.value("WEBDAV_USER", environment) ?? Self.value("WEBDAV_USERNAME", environment) ?? ""
            if given.user.isEmpty, given.password.isEmpty {
                given.token = user.isEmpty ? Self.value("WEBDAV_TOKEN", environment) ?? "" : ""
                given.user = user
            }
            if !given.user.isEmpty, given.password.isEmpty, user.isEmpty || user == given.user {
                given.password = Self.value("WEBDAV_PASSWORD", environment) ?? ""
            }
        }
        try self.init(checking: given, at: address)
    }

    private static func value(_ name: String, _ environment: (String) -> String?) -> String? {
        environment(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    private init(checking settings: WebDAVSettings, at address: HTTPAddress) throws(StorageError) {
        let (user, password, token) = (settings.user, settings.password, settings.token)
        guard token.isEmpty || user.isEmpty && password.isEmpty && [.auto, .bearer].contains(settings.scheme),
            settings.scheme != .bearer || !token.isEmpty
        else {
            throw StorageError(
                .badSettings,
                "Set credentials.bearer_token, or credentials.user and credentials.password, and not both; "
                    + "connection.auth has to be auto or what fits them."
            )
        }
        let mayShow = settings.allowsPlain || address.isPrivate(by: settings.http)
        guard mayShow || token.isEmpty && settings.scheme != .basic else {
            throw StorageError(
                .badSettings,
                "Without TLS that is verified, somebody on the way to \(address.host) could read what credentials shows. "
                    + "Use https in connection.url, or let connection.auth prove a password by a digest, or allow it by "
                    + "connection.plain_credentials."
            )
        }
        try self.init(
            user: user,
            password: password,
            token: token,
            isShown: mayShow && settings.scheme != .digest,
            mayProve: settings.scheme != .basic
        )
    }
}
