/// How the program `ssh` reaches a server, and as whom; what is empty is as ssh's own configuration says.
package struct SSHLogin: Sendable {
    /// The server, or its name in ssh's configuration.
    package var host = ""
    /// The port; 0 for what ssh's configuration says.
    package var port = 0
    /// The user there.
    package var user = ""
    /// The private key to use, and no other.
    package var keyFile = ""
    /// A file with the server's key, in place of all that ssh knows of servers.
    package var knownHosts = ""
    /// Options as in ssh's configuration, which win over what is set here.
    package var options: [String] = []
    /// The program to start in place of ssh, and words before all others.
    package var program: [String] = []
    /// The password of the user.
    package var password = ""
    /// What opens the private key.
    package var passphrase = ""

    /// A login in which everything is as ssh's configuration says.
    package init() {}

    /// The server and the user, in words.
    var target: String { (user.isEmpty ? "" : user + "@") + host }

    /// Whether a host or a user has a name that neither ssh, nor a shell that its configuration starts, can take for
    /// something else.
    package static func isName(_ name: String) -> Bool {
        !name.hasPrefix("-") && name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F }
            && !name.contains { "'\"`$\\;&<>|(){}@/".contains($0) }
    }

    /// Whether the path of a file is one that ssh's configuration can name.
    package static func isPath(_ path: String) -> Bool {
        path.hasPrefix("/") && !path.contains { "\"$\\".contains($0) || $0.isNewline }
    }
}
