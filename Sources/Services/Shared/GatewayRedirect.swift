/// Where a host says that something is, and whether that is the host's own.
struct GatewayRedirect: Sendable {
    static let statuses: Set = [301, 302, 303, 307, 308]

    let url: String
    /// Whether what is shown to the host may be shown there.
    let isOwn: Bool

    /// Where a reply leads a request that went to `origin`, of a backend whose host is at `home`; nil where that is not
    /// followed.
    ///
    /// From TLS no way leads out of it, and from a host elsewhere none to bare addresses, or into this machine: who is
    /// asked there would answer a stranger. The token goes no further than the owner of the host.
    init?(locatedAt location: String, from origin: String, maySeeToken: Bool, of home: HTTPAddress) {
        guard !location.isEmpty, location.utf8.count <= 4096,
            location.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let from = HTTPAddress(String(origin.prefix { $0 != "?" }))
        else { return nil }
        let whole =
            if location.hasPrefix("//") {
                "\(from.scheme):\(location)"
            } else {
                location.hasPrefix("/") ? from.url(location) : location
            }
        // What is behind a number sign is the reader's.
        let target = whole.prefix { $0 != "#" }
        guard let to = HTTPAddress(String(target.prefix { $0 != "?" })) else { return nil }
        guard from.scheme == to.scheme || to.scheme == "https" else { return nil }
        let isSameHost = to.host == home.host
        guard isSameHost || from.isOnThisMachine || !Self.isBare(to) && !Self.isHere(to) else { return nil }
        url = String(target)
        let isBelow = to.scheme == home.scheme && to.port == home.port && to.name.hasSuffix(".\(home.name)")
        isOwn = maySeeToken && (isSameHost && to.scheme == home.scheme || isBelow)
    }

    /// Whether it is named by numbers, and not by a name.
    private static func isBare(_ address: HTTPAddress) -> Bool {
        address.name.hasPrefix("[") || address.name.split(separator: ".").last?.allSatisfy(\.isNumber) ?? true
    }

    private static func isHere(_ address: HTTPAddress) -> Bool {
        address.isOnThisMachine || address.name.hasSuffix(".localhost")
    }
}
