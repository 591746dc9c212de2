/// How a server is reached, and as whom.
package struct FTPLogin: Sendable {
    /// How what is said to a server, and what goes over its other connections, is kept from others.
    package enum Security: String, Sendable, CaseIterable {
        /// It is not.
        case none
        /// By TLS, which is asked for before anything else is said.
        case explicit
        /// By TLS from the first byte on.
        case implicit
    }

    /// The server: a name or an address.
    package var host = ""
    /// The port; 0 for the usual one.
    package var port = 0
    /// The user there; nobody in particular where it is left out.
    package var user = ""
    /// The user's password.
    package var password = ""
    package var security = Security.explicit
    /// Whether the server must prove who it is.
    package var verifiesTLS = true
    /// A file of certificate authorities in PEM form, in place of the system's.
    package var caFile: String?
    /// The certificate that is shown, and its key: files in PEM form.
    package var clientCertificate: String?
    package var clientKey: String?
    /// Whether nothing older than TLS 1.3 is spoken, and else nothing older than 1.2.
    package var needsTLS13 = false

    /// A login in which everything has its usual value.
    package init() {}

    /// The port that is connected to.
    package var realPort: Int { port > 0 ? port : security == .implicit ? 990 : 21 }

    /// The server, in words.
    package var target: String { (host.contains(":") ? "[\(host)]" : host) + ":\(realPort)" }

    /// Whether it can stand in a command: without control characters, which would begin another one, and without the
    /// byte by which Telnet, on which the protocol rests, begins commands of its own.
    package static func isSayable(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != 0xFF }
    }

    /// Whether it can be the name of a server, or an address.
    package static func mayBeHost(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5F: true
                default: false
                }
            }
    }
}
