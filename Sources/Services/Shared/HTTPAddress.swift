internal import HTTPClient
internal import Storage

/// The parts of a URL without its query; the path is escaped.
struct HTTPAddress: Sendable, Hashable {
    let scheme: String
    /// The host, and the port where it is not the usual one.
    var host: String
    var path: String

    /// Reads an http or https URL; nil where it is malformed or holds a user, a query or a fragment.
    init?(_ text: String) {
        let scheme = text.prefix { $0 != ":" }
        let rest = text.dropFirst(scheme.count)
        let name = scheme.lowercased()
        guard name == "http" || name == "https", rest.hasPrefix("://") else { return nil }
        let host = rest.dropFirst(3).prefix { $0 != "/" && $0 != "?" && $0 != "#" }.lowercased()
        let path = rest.dropFirst(3 + host.count)
        let usual = name == "https" ? ":443" : ":80"
        self.scheme = name
        self.host = host.hasSuffix(usual) ? String(host.dropLast(usual.count)) : host
        self.path = String(path)
        // A password with a slash in it would make what follows a path.
        let isPlain = path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"?#\\@".utf8.contains($0) }
        guard isPlain, Self.isHost(self.host) else { return nil }
    }

    /// Reads the URL of a service, without a slash at its end; one that names no scheme has `scheme`.
    init?(base text: String, scheme: String) {
        let text = text.hasPrefix("//") ? "\(scheme):\(text)" : text
        self.init(text.contains("://") ? text : "\(scheme)://\(text)")
        while path.hasSuffix("/") { path.removeLast() }
    }

    /// Reads a URL, a host and port, or a multiaddr such as `/ip4/127.0.0.1/tcp/5001`; nil for anything else.
    init?(urlOrMultiaddr text: String) {
        guard let url = text.hasPrefix("/") ? Self.url(multiaddr: text) : text else { return nil }
        self.init(base: url, scheme: "http")
    }

    /// The URL that a multiaddr stands for: a host, a port of TCP, and whether there is TLS.
    private static func url(multiaddr text: String) -> String? {
        var words = text.split(separator: "/")[...]
        guard let kind = words.popFirst(), let host = words.popFirst(), words.popFirst() == "tcp",
            let port = words.popFirst(), UInt16(port) != nil
        else { return nil }
        let scheme: String
        switch words.joined(separator: "/") {
        case "", "http": scheme = "http"
        case "https", "tls/http": scheme = "https"
        default: return nil
        }
        switch kind {
        case "ip4", "dns", "dns4", "dns6": return "\(scheme)://\(host):\(port)"
        case "ip6": return "\(scheme)://[\(host)]:\(port)"
        default: return nil
        }
    }

    /// The same with a path at its end, unless it ends so.
    func below(_ end: String) -> HTTPAddress {
        var address = self
        if !path.hasSuffix(end) { address.path += end }
        return address
    }

    /// Whether a text is an http or https URL, perhaps with a query, of at most 16 KiB.
    static func isURL(_ text: String) -> Bool {
        let isPlain = text.utf8.count <= 16 << 10 && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        return isPlain && HTTPAddress(String(text.prefix { $0 != "?" })) != nil
    }

    /// The URL of a path and a query below the host, both of them escaped.
    func url(_ path: String, query: String = "") -> String {
        "\(scheme)://\(host)\(path)\(query.isEmpty ? "" : "?\(query)")"
    }

    /// Where a reply leads that says that something is elsewhere for now; nil where it says no such thing, or points
    /// to a host that is not of the same owner, who is not to see what is sent.
    func redirect(by reply: HTTPReply) -> HTTPAddress? {
        guard let location = reply.headers["Location"].map({ String($0.prefix { $0 != "?" }) }) else { return nil }
        let whole =
            if location.hasPrefix("//") {
                "\(scheme):\(location)"
            } else {
                location.hasPrefix("/") ? url(location) : location
            }
        return HTTPAddress(whole).flatMap { $0.isRelated(to: self) ? $0 : nil }
    }

    /// The name without port.
    var name: String {
        host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : String(host.prefix { $0 != ":" })
    }

    /// Whether it is an address of this machine: what is sent to it does not leave that.
    ///
    /// A name that only begins like one is another, and of the names that mean this machine only `localhost` always
    /// does (RFC 6761 §6.3).
    var isOnThisMachine: Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let isNumber = parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
        return isNumber || name == "localhost" || name == "[::1]"
    }

    /// Whether nobody on the way can read what is sent, so that a password or a token may be.
    ///
    /// What goes through a proxy passes it, also where it comes back; and who need not prove who he is may be anybody.
    func isPrivate(by settings: HTTPSettings) -> Bool {
        scheme == "https" ? settings.verifyTLS : isOnThisMachine && settings.proxy.isEmpty
    }

    /// Throws where somebody on the way could read what is shown.
    func checkPrivate(by settings: HTTPSettings) throws(StorageError) {
        guard !isPrivate(by: settings) else { return }
        throw StorageError(
            .badSettings,
            "Without TLS that is verified, somebody on the way to \(host) could read what credentials shows. Use https, or an "
                + "address of this machine."
        )
    }

    /// What follows the name: a colon and the port, where it is not the usual one.
    var port: Substring { host.dropFirst(name.count) }

    /// Whether both are served by one owner under one scheme and port: the same name, or the same last labels, three
    /// where the last but one is as short as `co` in `co.uk`.
    func isRelated(to other: HTTPAddress) -> Bool {
        // Another port is another server, whoever that is.
        guard scheme == other.scheme, port == other.port else { return false }
        if name == other.name { return true }
        let (left, right) = (name.split(separator: "."), other.name.split(separator: "."))
        guard left.count >= 2, right.count >= 2, left.last?.contains(where: \.isLetter) == true else { return false }
        let count = left[left.count - 2].count <= 3 ? 3 : 2
        return left.count >= count && left.suffix(count) == right.suffix(count)
    }

    private static func isHost(_ host: String) -> Bool {
        HTTPText.isWord(host, besides: "-._:[]", 1...1024)
    }
}
