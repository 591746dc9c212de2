internal import Schema
internal import Storage

/// Where a server's folder is, and how the server is told who asks.
struct WebDAVTarget: Sendable {
    /// Who asks.
    enum Credentials: Sendable {
        case none
        /// What is shown with every request, as it stands in the field.
        case shown(String)
        /// What is proven by a digest where the server asks for one; until then it is shown where it may be.
        case password(user: String, password: String, isShown: Bool, mayProve: Bool)
    }

    /// The address of the folder, without a slash at its end.
    let address: HTTPAddress
    /// The path of the folder, without escapes.
    let path: String
    let credentials: Credentials
    private let secrets: [String]

    /// Throws `badSettings` where something can never be right; sends nothing.
    init(_ settings: WebDAVSettings) throws(StorageError) {
        guard let address = HTTPAddress(base: settings.url, scheme: "https"),
            let path = HTTPText.unescaped(address.path)
        else {
            throw StorageError(.badSettings, "connection.url is no URL such as https://cloud.example/dav/files/me.")
        }
        (self.address, self.path) = (address, path)
        secrets = [settings.password, settings.token]
        credentials = try Self.credentials(settings, address)
    }

    private static func credentials(
        _ settings: WebDAVSettings,
        _ address: HTTPAddress
    ) throws(StorageError) -> Credentials {
        let (user, password, token) = (settings.user, settings.password, settings.token)
        if !token.isEmpty {
            guard user.isEmpty, password.isEmpty else {
                throw StorageError(.badSettings, "Set credentials.bearer_token, or user and password, and not both.")
            }
            guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw StorageError(.badSettings, "credentials.bearer_token has characters that no token has.")
            }
            return .shown("Bearer \(token)")
        }
        guard !user.isEmpty || !password.isEmpty else { return .none }
        guard !user.isEmpty, !user.contains(":"), (user + password).utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw StorageError(
                .badSettings,
                "credentials.user must be a name without a colon, and neither it nor the password may have control "
                    + "characters."
            )
        }
        let isSafe = address.scheme == "https" || isHere(address)
        return .password(
            user: user,
            password: password,
            isShown: settings.scheme == .basic || settings.scheme == .auto && isSafe,
            mayProve: settings.scheme != .basic
        )
    }

    /// Whether an address is one of this machine; a name that only begins like one is not.
    private static func isHere(_ address: HTTPAddress) -> Bool {
        if address.host == "[::1]" || address.host.hasPrefix("[::1]:") { return true }
        let parts = address.name.split(separator: ".", omittingEmptySubsequences: false)
        let isNumber = parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
        return isNumber || address.name == "localhost"
    }

    /// What is shown with a request before the server asked for anything else.
    var authorization: String? {
        switch credentials {
        case .none: nil
        case .shown(let value): value
        case .password(let user, let password, let isShown, _):
            isShown ? "Basic \(HTTPText.base64(Array("\(user):\(password)".utf8)))" : nil
        }
    }

    /// Has all that is secret hidden wherever it comes back.
    func teachRedactor() {
        for secret in secrets where !secret.isEmpty { Redactor.shared.learn(secret) }
        if case .password(let user, let password, _, _) = credentials {
            Redactor.shared.learn(HTTPText.base64(Array("\(user):\(password)".utf8)))
        }
    }

    // MARK: Names

    /// The URL of a name below the folder; that of a folder ends with a slash.
    func url(_ name: String) -> String { address.url(route(name)) }

    /// The path of a name as it stands in a request.
    func route(_ name: String) -> String {
        address.path + "/" + HTTPText.escaped(name, keepingSlashes: true)
    }

    /// The name below the folder that a path or a URL means; nil for what lies elsewhere, or is unreadable.
    ///
    /// A slash at the end is left out, so the folder itself has no name.
    func name(_ reference: String) -> String? {
        var route = reference[...]
        if let scheme = route.firstRange(of: "://") {
            route = route[scheme.upperBound...]
            route = route[(route.firstIndex(of: "/") ?? route.endIndex)...]
        }
        while route.hasSuffix("/") { route.removeLast() }
        guard let found = HTTPText.unescaped(String(route)), found == path || found.hasPrefix(path + "/") else {
            return nil
        }
        return String(found.dropFirst(path.count + 1))
    }

    /// The folders between the root and a name, the outermost first.
    static func folders(of name: String) -> [String] {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return parts.indices.map { parts[...$0].joined(separator: "/") }
    }

    /// The folder of a name; the root has none.
    static func folder(of name: String) -> String { folders(of: name).last ?? "" }
}
