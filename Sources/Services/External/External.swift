internal import AnnexClient
internal import Digests
internal import POSIX
internal import Schema
package import Storage

/// Any program that speaks git-annex's protocol of external special remotes, rclone among them.
package enum External: ServiceDefinition {
    package static let type = "external"
    package static let aliases = ["rclone"]
    package static let summary = "A program that keeps content, such as a special remote of git-annex, or rclone."
    package static let capabilities: Capabilities = [.write, .delete, .rangeReads, .listing, .usage]
    package static let uncertain: Capabilities = [.listing, .usage]
    /// Each may be a process.
    package static let connections = 4

    package static func check(_ settings: ExternalSettings) throws(StorageError) { try settings.check() }

    package static func place(
        _ settings: ExternalSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        try settings.checkProgram(isRclone: context.type == "rclone")
        return ServicePlace(try settings.place(), account: settings.user)
    }

    package static func open(
        _ settings: ExternalSettings,
        in context: ServiceContext
    ) async throws(StorageError) -> any StorageService {
        try settings.checkProgram(isRclone: context.type == "rclone")
        settings.learn()
        guard let state = context.state else {
            throw StorageError(.badSettings, "There is no folder in which files for the program could lie.")
        }
        let spool = AnnexSpool(in: state + "/transfers", keeping: settings.minFree.bytes)
        let memory = try memory(settings, in: state, context)
        let timeout = max(1, context.operational.timeout)
        let named = Set(settings.environment)
        let inherits: @Sendable (String) -> Bool = { InheritedVariables.contains($0) || named.contains($0) }
        func client(_ words: [String], _ host: any AnnexHost, offering extensions: [String] = []) -> AnnexClient {
            AnnexClient(
                AnnexProgram(words, inheriting: inherits, spool: spool),
                host,
                offering: extensions,
                processes: context.operational.maxConnections,
                timeout: .seconds(timeout),
                now: context.policy.timing.uptime
            )
        }
        guard settings.remote.isEmpty else {
            let words =
                (settings.program.isEmpty ? ["rclone"] : settings.program)
                + ExternalRclone.flags(timeout: timeout, config: settings.rcloneConfig)
            let rclone = ExternalRclone(
                remote: try ExternalRemote(settings.remote),
                words: words,
                spool: spool,
                inherits: inherits,
                timeout: .seconds(timeout),
                names: settings.names
            )
            let talk = ExternalTalk(client: client(words + ["gitannex"], memory), spool: spool, names: settings.names)
            return Governed(ExternalService(talk, memory, .rclone(rclone), context.policy), by: context.policy)
        }
        let talk = ExternalTalk(
            client: client(settings.program, memory, offering: [ExternalTalk.extended]),
            spool: spool,
            names: settings.names
        )
        // What it can do, the program alone says.
        let isExtended = try await context.policy.run { () async throws(StorageError) in try await talk.isExtended() }
        let service = ExternalService(talk, memory, isExtended ? .extended : .nothing, context.policy)
        return Governed(service, by: context.policy)
    }

    private static func memory(
        _ settings: ExternalSettings,
        in state: String,
        _ context: ServiceContext
    ) throws(StorageError) -> AnnexMemory {
        let identifier = settings.identifier.isEmpty ? try settings.usualIdentifier() : settings.identifier
        return AnnexMemory(
            in: state,
            AnnexMemory.Settings(
                config: try settings.config(),
                user: settings.user,
                password: settings.password,
                identifier: identifier,
                name: context.backend,
                fingerprint: settings.fingerprint
            ),
            digest: { digest(.md5, of: Array($0.utf8)) },
            learn: { Redactor.shared.learn($0) }
        )
    }
}

extension ExternalSettings {
    /// What the program is told that asks for settings, by their names.
    fileprivate func config() throws(StorageError) -> [String: String] {
        var config: [String: String] = [:]
        if !remote.isEmpty {
            let remote = try ExternalRemote(remote)
            config = ["rcloneremotename": remote.name + ":", "rcloneprefix": remote.path, "rclonelayout": "nodir"]
        }
        for item in options + secrets {
            config[String(item.prefix { $0 != "=" })] = String(item.drop { $0 != "=" }.dropFirst())
        }
        return config
    }

    /// Where the settings lead: the name of the program and what it is told, wherever the program itself lies.
    fileprivate func place() throws(StorageError) -> [String] {
        guard remote.isEmpty else {
            let remote = try ExternalRemote(remote)
            let path = remote.path.split(separator: "/").joined(separator: "/")
            return [remote.name, remote.path.hasPrefix("/") ? "/" + path : path, rcloneConfig]
        }
        let name = program.first.map { String($0.split(separator: "/").last ?? "") } ?? ""
        return [name] + program.dropFirst() + options.sorted()
    }

    /// The identifier where the owner says none: the same in every home with these settings, for programs may keep
    /// things under it.
    fileprivate func usualIdentifier() throws(StorageError) -> String {
        let sum = hex(digest(.sha256, of: Array(try place().joined(separator: "\n").utf8)))
        var rest = sum[...]
        return [8, 4, 4, 4, 12].map { count in
            defer { rest = rest.dropFirst(count) }
            return String(rest.prefix(count))
        }.joined(separator: "-")
    }

    /// The names in what the program is told, which it may say again.
    fileprivate var names: [String] {
        (program + options + [remote, user]).flatMap { text in text.split { "/:=".contains($0) }.map { String($0) } }
    }

    /// What is another one when the program is told anything else.
    fileprivate var fingerprint: String {
        let texts = program + options + secrets + [user, password, identifier, remote, rcloneConfig]
        return hex(digest(.sha256, of: texts.flatMap { Array($0.utf8) + [0] }))
    }
}
