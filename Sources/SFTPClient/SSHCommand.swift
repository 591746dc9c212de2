package import POSIX

/// The words that start a session, and how the program gets at secrets.
package struct SSHCommand: Sendable {
    /// The program, and the words with which it goes as the login says; those that come after name the server.
    private let start: [String]
    private let host: String
    /// What is set in the environment of the program.
    package let variables: [String: String]
    /// The server, in words.
    let target: String
    /// What the program reads as long as this is held.
    private let held: [MemoryFile]

    /// `patience` is how many seconds a connection may take to open.
    package init(_ login: SSHLogin, patience: Int) throws(FileError) {
        target = login.target
        let secrets = [("password", login.password), ("passphrase", login.passphrase)].filter { !$0.1.isEmpty }
        var files: [String: MemoryFile] = [:]
        for (name, secret) in secrets { files[name] = try MemoryFile(Array((secret + "\n").utf8)) }
        let asker = try files.isEmpty ? nil : MemoryFile(Array(Self.script(files).utf8), isProgram: true)
        let wishes = login.program.isEmpty ? try Self.wishes() : nil
        held = Array(files.values) + [asker, wishes].compactMap { $0 }
        host = login.host
        start = Self.words(login, wishes: wishes, patience: patience, hasSecrets: asker != nil)
        variables = asker.map { ["SSH_ASKPASS": $0.path, "SSH_ASKPASS_REQUIRE": "force"] } ?? [:]
    }

    /// What is wished for where neither the user's configuration nor the machine's says something; nil for no wish.
    ///
    /// Of what is set several times, ssh takes the first. The usual cipher takes nearly twice as long as the others
    /// where the processor knows AES.
    private static func wishes() throws(FileError) -> MemoryFile? {
        let features = (try? File("/proc/cpuinfo", .read).read(at: 0, count: 64 << 10)) ?? []
        guard String(decoding: features, as: UTF8.self).split(whereSeparator: \.isWhitespace).contains("aes") else {
            return nil
        }
        let lines = [
            "Include ~/.ssh/config", "Include /etc/ssh/ssh_config", "Host *",
            "Ciphers ^aes128-gcm@openssh.com,aes256-gcm@openssh.com", "",
        ]
        return try MemoryFile(Array(lines.joined(separator: "\n").utf8))
    }

    private static func words(
        _ login: SSHLogin,
        wishes: MemoryFile?,
        patience: Int,
        hasSecrets: Bool
    ) -> [String] {
        var words = login.program.isEmpty ? ["ssh"] : login.program
        if let wishes { words += ["-F", wishes.path] }
        words += ["-T", "-x"]
        // The first of several options of one name counts, so what somebody sets stands before our own.
        var options =
            login.options + [
                "BatchMode=\(hasSecrets ? "no" : "yes")", "ConnectTimeout=\(patience)", "ServerAliveInterval=15",
                "ServerAliveCountMax=3", "PermitLocalCommand=no", "ClearAllForwardings=yes", "ForwardAgent=no",
                "RemoteCommand=none",
            ]
        if hasSecrets { options.append("NumberOfPasswordPrompts=1") }
        if !login.keyFile.isEmpty { options += ["IdentityFile=\(quoted(login.keyFile))", "IdentitiesOnly=yes"] }
        if !login.knownHosts.isEmpty {
            options += [
                "UserKnownHostsFile=\(quoted(login.knownHosts))", "GlobalKnownHostsFile=/dev/null",
                "StrictHostKeyChecking=yes",
            ]
        }
        for option in options { words += ["-o", option] }
        if login.port > 0 { words += ["-p", "\(login.port)"] }
        if !login.user.isEmpty { words += ["-l", login.user] }
        return words
    }

    /// The words that start a session of SFTP.
    var words: [String] { start + ["-s", "--", host, "sftp"] }

    /// A program in the place of ssh, which reaches the server in the same way, for one that calls ssh itself and adds
    /// the server's name and what it wants of it; it is there as long as the command and this are held.
    package func program() throws(FileError) -> MemoryFile {
        let words = start.map { "'" + $0.replacing("'", with: "'\\''") + "'" }
        return try MemoryFile(Array("#!/bin/sh\nexec \(words.joined(separator: " ")) \"$@\"\n".utf8), isProgram: true)
    }

    /// A path as ssh's configuration takes it.
    private static func quoted(_ path: String) -> String {
        "\"" + path.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%") + "\""
    }

    /// A program that answers ssh's questions; the secrets do not stand in it.
    ///
    /// A question whose words come from the server has the user and the host before it, in parentheses: it never gets
    /// the passphrase of a key, and everything that is no question for a password gets no answer.
    private static func script(_ files: [String: MemoryFile]) -> String {
        func answer(_ name: String) -> String { files[name].map { "exec cat \($0.path)" } ?? "exit 1" }
        return """
            #!/bin/sh
            case "$1" in
            "Enter passphrase for "*) \(answer("passphrase")) ;;
            "("*")"*[Pp]assword*|*"'s password: ") \(answer("password")) ;;
            *) exit 1 ;;
            esac

            """
    }
}

extension SFTPError {
    /// What sentences of ssh mean.
    private static let meanings: [(words: [String], code: Code)] = [
        (
            ["host key verification failed", "remote host identification has changed", "no matching host key"],
            .unknownHost
        ),
        (
            ["permission denied (", "too many authentication failures", "no supported authentication methods"],
            .notAuthenticated
        ),
        (["subsystem request failed"], .unsupported),
        (
            ["bad configuration option", "unknown option", "bad configuration", "command-line: line", "usage: "],
            .badConfiguration
        ),
    ]

    /// The error of a session whose program ended.
    package init(_ end: ChildEnd, _ target: String, hasGreeted: Bool) {
        let words = String(decoding: end.errors, as: UTF8.self)
        // What a session says that worked is about the connection, whatever it is.
        guard !hasGreeted else {
            self.init(.disconnected, "The session with \(target) ended with exit code \(end.code).", words: words)
            return
        }
        let lowered = words.lowercased()
        let code = Self.meanings.first { $0.words.contains { lowered.contains($0) } }?.code
        self.init(code ?? .disconnected, "No session with \(target): exit code \(end.code).", words: words)
    }

    /// The error of a program that could not be started.
    package init(_ error: FileError) {
        let isLasting = [.notFound, .permissionDenied, .notADirectory].contains(error.code)
        self.init(isLasting ? .noProgram : .cannotStart, "\(error)", cause: error)
    }
}
