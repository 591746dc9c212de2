internal import POSIX
internal import TLS

/// Opens connections, and logs in.
struct FTPOpener: Sendable {
    private let login: FTPLogin
    let timeout: Duration
    private let context: TLSContext?
    private let observer: @Sendable () -> FTPObserver

    init(
        _ login: FTPLogin,
        timeout: Duration,
        observer: @escaping @Sendable () -> FTPObserver
    ) throws(FTPError) {
        for (name, word) in [("host", login.host), ("user", login.user), ("password", login.password)]
        where !FTPLogin.isSayable(word) {
            throw FTPError(.badConfiguration, "The \(name) holds a control character, which cannot be said.")
        }
        (self.login, self.timeout, self.observer) = (login, timeout, observer)
        do throws(TLSError) {
            context = login.security == .none ? nil : try TLSContext(Self.options(login))
        } catch {
            throw FTPError(error)
        }
    }

    private static func options(_ login: FTPLogin) -> TLSOptions {
        var options = TLSOptions()
        (options.caFile, options.verifies) = (login.caFile, login.verifiesTLS)
        (options.clientCertificate, options.clientKey) = (login.clientCertificate, login.clientKey)
        options.least = login.needsTLS13 ? .v13 : .v12
        return options
    }

    /// The server, in words.
    var target: String { login.target }

    /// A connection on which the user is logged in.
    func open() async throws(FTPError) -> FTPConnection {
        let stream = try await connect()
        let control = FTPControl(stream, target, timeout: timeout)
        if login.security == .implicit, let context { try await control.secure(by: context, host: login.host) }
        try await greet(control)
        if login.security == .explicit, let context {
            let consent = try await control.ask("AUTH", "TLS")
            guard consent.code == 234 else {
                throw FTPError(
                    .notSecure,
                    "\(target) offers no TLS: it answered AUTH with \(consent.code).",
                    words: consent.words,
                    reply: consent.code
                )
            }
            try await control.secure(by: context, host: login.host)
        }
        try await logIn(control)
        if context != nil {
            // What it says of the first decides nothing; the second is whether files and lists are secure, too.
            _ = try await control.ask("PBSZ", "0")
            let reply = try await control.ask("PROT", "P")
            guard reply.isDone else {
                throw FTPError(
                    .notSecure,
                    "\(target) sends files and lists in the clear: it answered PROT with \(reply.code).",
                    words: reply.words,
                    reply: reply.code
                )
            }
        }
        return try await prepare(control)
    }

    private func connect() async throws(FTPError) -> FTPStream {
        let addresses: [SocketAddress]
        do throws(SocketError) {
            addresses = try await SocketAddress.all(of: login.host, port: login.realPort, within: timeout)
        } catch {
            throw FTPError(error)
        }
        return try await FTPStream.open(addresses, within: timeout)
    }

    private func greet(_ control: FTPControl) async throws(FTPError) {
        var greeting = try await control.reply()
        // It may say first that it will take a while.
        while greeting.isBeginning { greeting = try await control.reply() }
        guard greeting.isDone else { throw FTPError(greeting, to: "the connection", by: target) }
    }

    private func logIn(_ control: FTPControl) async throws(FTPError) {
        let isAnonymous = login.user.isEmpty
        var reply = try await control.ask("USER", isAnonymous ? "anonymous" : login.user)
        if reply.code == 331 {
            reply = try await control.ask("PASS", isAnonymous ? "anonymous@" : login.password)
        }
        guard reply.isDone else {
            guard reply.code == 332 || reply.code == 331 else { throw FTPError(reply, to: "the login", by: target) }
            throw FTPError(.notAuthenticated, "\(target) wants more than a user and a password.", words: reply.words)
        }
    }

    /// Learns what the server can do, and has it send files as they are.
    private func prepare(_ control: FTPControl) async throws(FTPError) -> FTPConnection {
        let features = FTPFeatures(try await control.ask("FEAT"))
        if features.takesUTF8 { _ = try await control.ask("OPTS", "UTF8 ON") }
        if !features.silentFacts.isEmpty {
            let wanted = ["type", "size", "modify", "unique"].map { $0 + ";" }.joined()
            _ = try await control.ask("OPTS", "MLST \(wanted)")
        }
        try await control.order("TYPE", "I")
        let place = try await control.ask("PWD")
        return FTPConnection(
            control,
            features,
            home: place.code == 257 ? Self.path(place.words) ?? "" : "",
            host: login.host,
            context: context,
            observer: observer
        )
    }

    /// The path in `"/a ""b""" is the current directory` (RFC 959 §5.4), in which quotes are doubled.
    static func path(_ words: String) -> String? {
        guard words.hasPrefix("\"") else { return nil }
        var path = ""
        var rest = words.dropFirst()
        while let end = rest.firstIndex(of: "\"") {
            path += rest[..<end]
            rest = rest[rest.index(after: end)...]
            guard rest.hasPrefix("\"") else { return path.hasPrefix("/") ? path : nil }
            path += "\""
            rest = rest.dropFirst()
        }
        return nil
    }
}
