internal import Schema
internal import Storage

/// Which daemon fetches.
enum Aria2Target: Sendable {
    /// One that is started, and ends with its use.
    case own
    /// One that runs already; the secret is empty where it asks for none.
    case running(HTTPAddress, secret: String)

    /// Puts together settings and variables; throws `badSettings`.
    init(_ settings: Aria2Settings, environment: (String) -> String?) throws(StorageError) {
        try Self.check(settings)
        let variable = environment("ARIA2_RPC_URL") ?? ""
        let text = settings.rpcURL.isEmpty ? variable : settings.rpcURL
        guard settings.startsDaemon ?? text.isEmpty else {
            guard let address = Self.address(text) else { throw Self.noAddress }
            try Self.checkPrivate(address, settings)
            var secret = settings.rpcSecret
            // A variable is of the daemon that the other one names, and is shown to no other.
            if secret.isEmpty, Self.address(variable) == address { secret = environment("ARIA2_RPC_SECRET") ?? "" }
            Redactor.shared.learn(secret)
            self = .running(address, secret: secret)
            return
        }
        self = .own
    }

    /// Throws what can never be right.
    static func check(_ settings: Aria2Settings) throws(StorageError) {
        if !settings.rpcURL.isEmpty {
            guard let address = address(settings.rpcURL) else { throw noAddress }
            if settings.startsDaemon != true { try checkPrivate(address, settings) }
        }
        let bounds: [(name: String, value: UInt64, range: ClosedRange<UInt64>)] = [
            ("connections_per_server", UInt64(max(0, settings.connections)), 1...16),
            ("split", UInt64(max(0, settings.pieces)), 1...256),
            ("min_split_size", settings.leastPiece.bytes, 1 << 20...1 << 30),
            ("listen_port", UInt64(settings.port == 0 ? 1024 : max(0, settings.port)), 1024...65_535),
        ]
        for (name, value, range) in bounds where !range.contains(value) {
            let words = "connection.\(name) must lie between \(range.lowerBound) and \(range.upperBound)."
            throw StorageError(.badSettings, words)
        }
        guard settings.program.first != "" else {
            throw StorageError(.badSettings, "connection.aria2_command names no program.")
        }
        let texts = [settings.folder, settings.http.proxy, settings.http.caFile]
        let files = [settings.http.clientCertificate, settings.http.clientKey]
        // They become lines of a file.
        guard (texts + files).allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }) else {
            throw StorageError(.badSettings, "A path or a proxy in connection has control characters.")
        }
        guard settings.folder.isEmpty || settings.folder.hasPrefix("/") else {
            throw StorageError(.badSettings, "connection.download_folder is no absolute path.")
        }
    }

    /// The secret and the URLs that are shown to the daemon are nobody else's.
    private static func checkPrivate(_ address: HTTPAddress, _ settings: Aria2Settings) throws(StorageError) {
        guard address.isPrivate(by: settings.http) else {
            throw StorageError(
                .badSettings,
                "Without TLS that is verified, somebody on the way to \(address.host) could read what is to be fetched, and "
                    + "with which keys. Use https in connection.rpc_url, or a daemon on this machine."
            )
        }
    }

    private static func address(_ text: String) -> HTTPAddress? {
        guard !text.isEmpty, var address = HTTPAddress(base: text, scheme: "http") else { return nil }
        if address.path.isEmpty { address.path = "/jsonrpc" }
        return address
    }

    // It may hold a password, so it is not repeated.
    private static let noAddress = StorageError(
        .badSettings,
        "connection.rpc_url, or ARIA2_RPC_URL where it is left out, is no URL such as http://127.0.0.1:6800/jsonrpc "
            + "without user and query."
    )
}
