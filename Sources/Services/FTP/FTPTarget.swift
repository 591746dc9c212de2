internal import FTPClient
internal import HTTPClient
internal import Schema
internal import Storage

/// Which server is asked, as whom, and how.
struct FTPTarget: Sendable {
    private(set) var login = FTPLogin()
    /// The directory, without a slash at its end; it is absolute, or lies where one is after the login.
    let folder: String

    /// Takes what settings say, or else variables; throws `badSettings`.
    ///
    /// Variables are of the server that `FTP_HOST` names, and are shown to no other, whoever named that.
    init(_ settings: FTPSettings, environment: (String) -> String?) throws(StorageError) {
        func variable(_ name: String) -> String { environment(name) ?? "" }
        guard settings.isPassive else {
            throw StorageError(
                .badSettings,
                "connection.passive must be true: a server that connects to this machine is not waited for."
            )
        }
        let host = settings.host.isEmpty ? variable("FTP_HOST") : settings.host
        let word = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        guard FTPLogin.mayBeHost(word) else {
            throw StorageError(
                .badSettings,
                "connection.host, or FTP_HOST where it is left out, is no name of a server such as ftp.example."
            )
        }
        guard settings.port <= 65_535 else { throw StorageError(.badSettings, "connection.port is no port.") }
        let parts = settings.path.split(separator: "/").filter { $0 != "." }
        folder = (settings.path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
        guard settings.path.utf8.count <= 1024, FTPLogin.isSayable(settings.path), !parts.contains("..") else {
            throw StorageError(.badSettings, "connection.path is no path that can be said to a server.")
        }
        (login.host, login.port) = (word.lowercased(), settings.port)
        (login.user, login.password) = (settings.user, settings.password)
        if Self.isSame(variable("FTP_HOST"), as: word) {
            let user = variable("FTP_USER")
            if login.user.isEmpty, login.password.isEmpty { login.user = user }
            if !login.user.isEmpty, login.password.isEmpty, user.isEmpty || user == login.user {
                login.password = variable("FTP_PASSWORD")
            }
        }
        login.verifiesTLS = settings.http.verifyTLS
        login.security = settings.security ?? (settings.port == 990 ? .implicit : .explicit)
        try check(settings)
    }

    private static func isSame(_ named: String, as host: String) -> Bool {
        let plain = named.hasPrefix("[") ? String(named.dropFirst().prefix { $0 != "]" }) : named
        return !plain.isEmpty && plain.lowercased() == host.lowercased()
    }

    private func check(_ settings: FTPSettings) throws(StorageError) {
        guard FTPLogin.isSayable(login.user), FTPLogin.isSayable(login.password) else {
            throw StorageError(.badSettings, "Neither credentials.user nor the password may have control characters.")
        }
        guard login.password.isEmpty || !login.user.isEmpty else {
            throw StorageError(.badSettings, "credentials.password is set, and credentials.user is not.")
        }
        guard login.password.isEmpty || isPrivate || settings.allowsPlain else {
            throw StorageError(
                .badSettings,
                "Without TLS that is verified, somebody on the way to \(login.host) could read credentials.password. "
                    + "Set connection.tls to explicit or implicit, or allow it by connection.plain_credentials."
            )
        }
    }

    /// Whether nobody on the way can read what is said: over TLS to one who proves who he is, and on this machine.
    private var isPrivate: Bool {
        login.security == .none ? isOnThisMachine : login.verifiesTLS || isOnThisMachine
    }

    /// Whether it is an address of this machine.
    private var isOnThisMachine: Bool {
        HTTPAddress("http://\(login.host.contains(":") ? "[\(login.host)]" : login.host)")?.isOnThisMachine ?? false
    }

    /// The same with the files that settings name, which can be read.
    func with(_ options: HTTPOptions) -> FTPTarget {
        var target = self
        (target.login.caFile, target.login.needsTLS13) = (options.caFile, options.minimumTLS == .v13)
        (target.login.clientCertificate, target.login.clientKey) = (options.clientCertificate, options.clientKey)
        return target
    }
}
