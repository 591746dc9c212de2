internal import Storage

/// Where a folder is on a server, and how names below it look in requests and replies.
struct WebDAVTarget: Sendable {
    /// The address of the folder, without a slash at its end.
    let address: HTTPAddress
    /// The path of the folder, without escapes.
    let path: String

    /// The folder of the settings, or else that of `WEBDAV_URL`; throws `badSettings` where it can be none.
    init(_ settings: WebDAVSettings, environment: (String) -> String?) throws(StorageError) {
        let text = settings.url.isEmpty ? environment("WEBDAV_URL") ?? "" : settings.url
        guard let address = HTTPAddress(base: text, scheme: "https"), let target = WebDAVTarget(address) else {
            // It may hold a password, so it is not repeated.
            throw StorageError(
                .badSettings,
                "connection.url, or WEBDAV_URL where it is left out, is no URL such as "
                    + "https://cloud.example/remote.php/dav/files/me/backup without user and query."
            )
        }
        self = target
    }

    private init?(_ address: HTTPAddress) {
        guard let path = HTTPText.unescaped(address.path) else { return nil }
        (self.address, self.path) = (address, path)
    }

    /// Where the server takes files in chunks; nil where its URL is not that of Nextcloud or ownCloud.
    ///
    /// The files of a user lie below `…/remote.php/dav/files/USER`, and his uploads below `…/uploads/USER`.
    var uploads: WebDAVTarget? {
        let mark = "/remote.php/dav/files/"
        guard let found = address.path.firstRange(of: mark) else { return nil }
        let user = address.path[found.upperBound...].prefix { $0 != "/" }
        guard !user.isEmpty else { return nil }
        var address = address
        address.path = "\(address.path[..<found.lowerBound])/remote.php/dav/uploads/\(user)"
        return WebDAVTarget(address)
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
}
