import Foundation
import Samples
import Schema
import Services
import Storage
import TestKit
import Testing

/// A home with a secret in every place where one can stand.
struct SecretHome: Sendable {
    var world: World
    /// Each secret, and the backend whose service knows it too.
    let canaries: [Canary]
    /// The backends, of which each has its secrets from somewhere else.
    let backends: [String]
    /// The proxy's password.
    static let proxy = Canary("proxy.password")

    private static let names = [
        "lit.secret", "lit.token", "var.secret", "var.token", "def.secret", "file.secret", "prof.secret", "prof.token",
        "env.secret", "env.token",
    ]
    /// A home whose backends can be used.
    static func good(in folder: String, _ server: EchoServer) async throws -> SecretHome {
        let canaries = names.map(Canary.init)
        let secrets = canaries.reduce(into: [String: String]()) { $0[$1.name] = $1.text }
        var world = try await content(in: folder)
        let files = try own(world)
        func secret(_ name: String) -> String { secrets[name] ?? "" }
        try write(Array(secret("file.secret").utf8), to: files + "/key")
        let profile = ["[work]", "aws_access_key_id = AKPROF", "aws_secret_access_key = \(secret("prof.secret"))"]
        let lines = profile + ["aws_session_token = \(secret("prof.token"))", ""]
        try write(Array(lines.joined(separator: "\n").utf8), to: files + "/credentials")
        world.user.environment = [
            "KIT_SECRET": secret("var.secret"), "KIT_TOKEN": secret("var.token"),
            "AWS_SHARED_CREDENTIALS_FILE": files + "/credentials", "AWS_ACCESS_KEY_ID": "AKENV",
            "AWS_SECRET_ACCESS_KEY": secret("env.secret"), "AWS_SESSION_TOKEN": secret("env.token"),
        ]
        let credentials: [(String, [String: String])] = [
            ("lit", ["secret_access_key": secret("lit.secret"), "session_token": secret("lit.token")]),
            ("var", ["secret_access_key": "${KIT_SECRET}", "session_token": "${KIT_TOKEN}"]),
            ("def", ["secret_access_key": "${KIT_UNSET:-\(secret("def.secret"))}"]),
            ("file", ["secret_access_key": "${file:\(files)/key}"]), ("prof", ["profile": "work"]), ("env", [:]),
        ]
        for (name, values) in credentials {
            try configure(name, server, credentials: values, in: world)
        }
        return SecretHome(world: world, canaries: canaries, backends: credentials.map(\.0))
    }

    /// A home in whose backend files secrets stand where none may stand, or where they do not fit.
    static func bad(in folder: String, _ server: EchoServer) async throws -> SecretHome {
        var world = try await content(in: folder)
        let files = try own(world)
        var canaries: [Canary] = []
        var names: [String] = []
        func put(_ what: String, _ lines: (Canary) -> [String]) throws {
            let canary = Canary("\(what).value")
            let name = "b\(names.count)"
            let head = ["name: \(name)", "type: s3", "connection:", "  bucket: works-\(name)"]
            let text = (head + lines(canary)).joined(separator: "\n") + "\n"
            try write(Array(text.utf8), to: "\(world.user.home)/backend_configs/\(name).yaml")
            canaries.append(canary)
            names.append(name)
        }
        try put("misspelled") { ["credentials:", "  secret_acess_key: \(quoted($0.text))"] }
        try put("misplaced") { ["  secret_access_key_of_mine: \(quoted($0.text))"] }
        try put("malformed") { ["credentials:", "   \($0.text)", " : ["] }
        try put("alias") { ["credentials:", "  access_key_id: A", "  secret_access_key: *\($0.core)"] }
        try put("tag") { ["credentials:", "  access_key_id: A", "  secret_access_key: !\($0.core) x"] }
        try put("anchor") { ["credentials:", "  access_key_id: A", "  secret_access_key: &\($0.core) x y:"] }
        try put("reference") { ["credentials:", "  access_key_id: A", "  secret_access_key: 'a${\($0.core)!}b'"] }
        try put("endpoint") { ["  endpoint: http://somebody:\($0.core)@\(server.host)"] }
        // Each setting from a variable and from a file, and as it stands there where it cannot be one.
        let row = try #require(ServiceRow.all.first { $0.type == "s3" })
        for field in row.fields where field.name != "bucket" {
            for form in ["literal", "variable", "file"] where form != "literal" || field.kind != .text {
                let canary = Canary("\(form)-\(field.name).value")
                let variable = "KIT_\(form)_\(field.name)".uppercased()
                let path = "\(files)/\(field.name)"
                let value = ["literal": canary.text, "variable": "${\(variable)}", "file": "${file:\(path)}"][form]
                if form == "variable" { world.user.environment[variable] = canary.text }
                if form == "file" { try write(Array((canary.text + " 2nd word\n").utf8), to: path) }
                let lines = ["  \(field.name): \(quoted(value))"]
                try put("\(form)-\(field.name)") { _ in
                    field.section == .connection ? lines : ["\(field.section.rawValue):"] + lines
                }
            }
        }
        return SecretHome(world: world, canaries: canaries, backends: names)
    }

    /// A home that was recovered from a directory to which a stranger writes, and what he would like to see of it.
    static func recovered(in folder: String, _ server: EchoServer) async throws -> (SecretHome, [Canary]) {
        var stranger = try await content(in: folder + "/stranger")
        let key = try own(stranger) + "/key"
        try write(Array("harmless".utf8), to: key)
        stranger.user.environment = ["KIT_SECRET": "harmless", "KIT_TOKEN": "harmless"]
        let text = """
            name: mirror
            type: s3
            enabled: true
            connection:
              endpoint: \(server.endpoint)
              bucket: works-mirror
              prefix: 'x-${file:\(key)}/'
            operational:
              retry_count: 0
            credentials:
              access_key_id: ${KIT_SECRET}
              secret_access_key: ${KIT_SECRET}
              session_token: ${KIT_TOKEN}

            """
        try write(Array(text.utf8), to: stranger.user.home + "/backend_configs/mirror.yaml")
        try await stranger.user.run("sync", "disk")
        var world = World(folder + "/victim")
        try FileManager.default.createDirectory(atPath: world.user.folder, withIntermediateDirectories: true)
        (world.roots, world.copies) = (stranger.roots, ["disk": []])
        for path in [world.files, world.disk("disk")] {
            try FileManager.default.copyItem(
                atPath: path.replacingOccurrences(of: world.folder, with: stranger.folder),
                toPath: path
            )
        }
        let canaries = ["snapshot.file", "snapshot.secret", "snapshot.token"].map(Canary.init)
        try write(Array(canaries[0].core.utf8), to: key)
        world.user.environment = ["KIT_SECRET": canaries[1].core, "KIT_TOKEN": canaries[2].core]
        try await world.user.run("init")
        try await world.user.run("backend", "create", "disk", "filesystem", "--path", world.disk("disk"))
        try await world.user.run("recover", "--from", "disk")
        return (SecretHome(world: world, canaries: canaries, backends: ["disk", "mirror"]), canaries)
    }

    /// Sets every variable that names a proxy; nil leaves them out.
    mutating func setProxy(_ proxy: String?, _ server: EchoServer) {
        guard let proxy else { return }
        let text = proxy.replacingOccurrences(of: "WHO", with: "somebody:\(Self.proxy.core)")
            .replacingOccurrences(of: "HOST", with: server.host)
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
            world.user.environment[name] = text
        }
        world.user.environment["no_proxy"] = ""
    }

    /// Lets every bucket be answered in another way.
    func answered(_ how: String, in folder: String) async throws -> SecretHome {
        var home = self
        home.world = try await world.copy(to: folder)
        for name in backends {
            let path = "\(home.world.user.home)/backend_configs/\(name).yaml"
            let text = String(decoding: try bytes(at: path), as: UTF8.self)
            try write(Array(text.replacingOccurrences(of: "works-", with: how + "-").utf8), to: path)
        }
        return home
    }

    private static func content(in folder: String) async throws -> World {
        var world = World(folder)
        try FileManager.default.createDirectory(atPath: world.user.folder, withIntermediateDirectories: true)
        try await world.user.run("init")
        try await world.add("tree", ["a": sampleBytes(20_000), "b/c": [1, 2, 3]])
        try await world.add("file", ["": sampleBytes(3000, seed: 2)])
        try await world.createDisk("disk")
        try write([UInt8](world.roots["tree"]?.archive ?? Data()), to: world.files + "/tree.car")
        try write(Array(#"{"a":[1,2]}"#.utf8), to: world.files + "/value.json")
        return world
    }

    /// The folder in which the owner keeps secrets, outside of the home.
    private static func own(_ world: World) throws -> String {
        let path = world.user.folder + "/own"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private static func configure(
        _ name: String,
        _ server: EchoServer,
        credentials: [String: String],
        in world: World
    ) throws {
        var lines = [
            "name: \(name)", "type: s3", "connection:", "  endpoint: \(server.endpoint)", "  bucket: works-\(name)",
            "  region: us-east-1", "operational:", "  retry_count: 0", "  timeout: 10",
        ]
        var values = credentials
        if values["secret_access_key"] != nil { values["access_key_id"] = "AK" + name.uppercased() }
        if !values.isEmpty { lines.append("credentials:") }
        for (key, value) in values.sorted(by: { $0.key < $1.key }) { lines.append("  \(key): \(quoted(value))") }
        let path = "\(world.user.home)/backend_configs/\(name).yaml"
        try write(Array((lines.joined(separator: "\n") + "\n").utf8), to: path)
    }

    private static func quoted(_ text: String?) -> String {
        "'" + (text ?? "").replacingOccurrences(of: "'", with: "''") + "'"
    }
}
