internal import POSIX
package import Schema
internal import Storage

/// Makes a backend of a remote that rclone knows.
package struct BackendImportRclone: ChangingOperation {
    package static let name = "backend import-rclone"
    package static let summary = "Make a backend of a remote in the configuration of rclone. Nothing is sent to it."
    package static let details = """
        Of the configuration, nothing but the name of the remote is taken: rclone itself goes on reading it, secrets and all.
        A bucket is the first part of the path. Example: ipfs-kit backend import-rclone drive:ipfs --as my-drive
        """

    package var remote = ""
    package var backend = ""
    package var configuration = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "remote",
            \.remote,
            help: "The remote and the folder in it, as REMOTE:PATH.",
            as: .program,
            required: true,
            positional: true
        ),
        Field("as", \.backend, help: "The name of the backend; that of the remote where it is left out."),
        Field(
            "rclone_config",
            \.configuration,
            help: "The configuration file of rclone; its usual one where it is left out.",
            as: .path
        ),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> BackendOutput {
        let name = String(remote.prefix { $0 != ":" })
        let path = remote.dropFirst(name.utf8.count).drop { $0 == ":" }
        guard !name.contains(where: { ",=".contains($0) }) else {
            throw KitError(.usage, "Name the remote without settings, as REMOTE:PATH: its configuration has them.")
        }
        let file = try file(of: call.kit)
        let sections = try sections(of: file)
        guard let kind = sections[name] else {
            let known = sections.keys.sorted().joined(separator: ", ")
            throw KitError(
                .usage,
                "\(file) has no remote “\(name)”\(known.isEmpty ? ", nor any other." : "; it has: \(known).")"
            )
        }
        guard !path.split(separator: "/").isEmpty else {
            throw KitError(
                .usage,
                "Say where in \(name) the content is to be, as \(name):PATH; where it has buckets, the first part is one."
            )
        }
        var create = BackendCreate()
        create.name = backend.isEmpty ? name.lowercased() : backend
        create.type = "rclone"
        create.settings = ["remote=\(name):\(path)"]
        // Where it is not the usual one, whoever uses the backend later would look elsewhere.
        if !configuration.isEmpty || call.kit.environment("RCLONE_CONFIG") != nil {
            create.settings.append("rclone_config=\(file)")
        }
        create.description = "rclone's remote \(name)"
        create.dryRun = dryRun
        var output = try await create.run(in: call)
        if let own = Self.own[kind] {
            output.warnings.append(
                "The kit has a type of its own for that, which proves more of what is kept, and needs no rclone: \(own)."
            )
        }
        return output
    }

    /// Types of rclone for which the kit has one.
    private static let own = ["s3": "s3", "sftp": "sftp", "webdav": "webdav", "local": "filesystem"]
    /// The longest configuration that is read, in bytes.
    private static let longest = 4 << 20

    /// The configuration, where rclone looks for it.
    private func file(of kit: Kit) throws(KitError) -> String {
        if !configuration.isEmpty { return absolutePath(configuration) }
        if let set = kit.environment("RCLONE_CONFIG"), !set.isEmpty { return absolutePath(set) }
        let home = kit.environment("HOME") ?? ""
        let folder = kit.environment("XDG_CONFIG_HOME") ?? home + "/.config"
        let places = ["\(folder)/rclone/rclone.conf", "\(home)/.config/rclone/rclone.conf", "\(home)/.rclone.conf"]
        guard let found = places.first(where: { (try? fileExists($0)) == true }) else {
            throw KitError(.usage, "rclone has no configuration at \(places[0]); say where it is with --rclone-config.")
        }
        return found
    }

    /// The types of the remotes, by their names.
    private func sections(of file: String) throws(KitError) -> [String: String] {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try readFile(file, limit: Self.longest)
        } catch {
            throw KitError(error)
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard !lines.contains(where: { $0.hasPrefix("RCLONE_ENCRYPT_V") }) else {
            throw KitError(
                .refused,
                "\(file) is encrypted, and the kit does not ask for its password. Make the backend by hand, and have rclone "
                    + "get the password from its environment: `ipfs-kit backend create NAME rclone --remote \(remote) "
                    + "--program-environment RCLONE_CONFIG_PASS`."
            )
        }
        var sections: [String: String] = [:]
        var section: String?
        for line in lines {
            if line.hasPrefix("["), let end = line.lastIndex(of: "]") {
                section = String(line[line.index(after: line.startIndex)..<end])
                if let section { sections[section] = "" }
            } else if let section, let equals = line.firstIndex(of: "=") {
                let words = [line[..<equals], line[line.index(after: equals)...]].map { half in
                    half.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                }
                if words[0] == "type" { sections[section] = words[1] }
            }
        }
        return sections
    }
}
