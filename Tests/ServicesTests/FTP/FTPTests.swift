import FTPClient
import Foundation
import Samples
import Schema
import Services
import Storage
import TestKit
import Testing

/// Real servers: how one gets in, and what is there.
@Suite(.scratch, .inTurn) struct FTPTests {
    private func open(
        _ values: [String: FieldValue],
        retries: Int = 0,
        meter: Meter = Meter()
    ) async throws -> any StorageService {
        try #require(try await Subject.open("ftp", values, retries: retries, meter: meter).objects)
    }

    private func error(_ work: () async throws(StorageError) -> Void) async -> StorageError? {
        do throws(StorageError) {
            try await work()
            return nil
        } catch {
            return error
        }
    }

    private func errorOfAsking(_ values: [String: FieldValue]) async throws -> StorageError? {
        let service = try await open(values)
        let name = try #require(ObjectName("a"))
        return await error { () async throws(StorageError) in _ = try await service.stat(name) }
    }

    // MARK: Getting in

    @Test(arguments: ["1.2", "1.3"], [true, false])
    func `other connections go on with the session of the first, in each version of TLS`(
        _ most: String,
        _ requiresReuse: Bool
    ) async throws {
        let server = try await FTPServer.daemon(mostTLS: most, requiresReuse: requiresReuse)
        let service = try await open(server.settings(for: try server.newFolder()))
        let name = try #require(ObjectName("a/b"))
        for count in [300_000, 10, 0] {
            let bytes = sampleBytes(count, seed: UInt64(count))
            _ = try await service.put(name, Body(bytes))
            #expect(try await collect(try await service.read(name), limit: 1 << 20) == bytes)
        }
    }

    @Test func `a server for which nobody vouches is told nothing`() async throws {
        let server = try await FTPServer.scripted([], memory: Scratch.current, isSecure: true)
        var values = server.settings(for: try server.newFolder())
        values["ca_file"] = nil
        #expect(try await errorOfAsking(values)?.code == .badCredentials)
        let other = try await FTPServer.running(.vsftpdOverTLS)
        values["ca_file"] = .text(try #require(other.authority))
        #expect(try await errorOfAsking(values)?.code == .badCredentials)
        #expect(!commands().contains { $0.hasPrefix("USER") || $0.hasPrefix("PASS") })
        values["verify_tls"] = .flag(false)
        #expect(try await errorOfAsking(values)?.code == .notFound)
    }

    @Test func `a name for which the certificate does not stand is not the server's`() async throws {
        let server = try await FTPServer.running(.pyftpdlib)
        var values = server.settings(for: try server.newFolder())
        values["host"] = .text("localhost")
        #expect(try await errorOfAsking(values)?.code == .badCredentials)
    }

    @Test func `the kinds of TLS are told apart`() async throws {
        let plain = try await FTPServer.running(.vsftpd)
        var values = plain.settings(for: try plain.newFolder())
        values["tls"] = .text("explicit")
        let refused = try #require(try await errorOfAsking(values))
        #expect(refused.code == .badSettings)
        #expect(refused.message.contains("connection.tls"))
        let secure = try await FTPServer.running(.vsftpdOverTLS)
        values = secure.settings(for: try secure.newFolder())
        values["tls"] = .text("none")
        let needed = try #require(try await errorOfAsking(values))
        #expect(needed.code == .badSettings)
        #expect(needed.message.contains("connection.tls"))
        values["tls"] = .text("implicit")
        #expect(try await errorOfAsking(values)?.code == .unavailable)
    }

    @Test func `implicit TLS works`() async throws {
        let server = try await FTPServer.implicit()
        let service = try await open(server.settings(for: try server.newFolder()))
        let name = try #require(ObjectName("a"))
        _ = try await service.put(name, Body(sampleBytes(70_000)))
        #expect(try await collect(try await service.read(name), limit: 1 << 20) == sampleBytes(70_000))
    }

    @Test func `a server that secures only what it is told, and not what it is given, is none with TLS`() async throws {
        let server = try await FTPServer.halfSecure()
        let error = try #require(try await errorOfAsking(server.settings(for: try server.newFolder())))
        #expect(error.code == .badSettings)
        #expect(error.message.contains("in the clear"))
    }

    @Test func `a wrong password is told as one, and is in no error`() async throws {
        let server = try await FTPServer.running(.pyftpdlib)
        var values = server.settings(for: try server.newFolder())
        values["password"] = .text("what-nobody-may-see")
        let error = try #require(try await errorOfAsking(values))
        #expect(error.code == .badCredentials)
        #expect(!error.message.contains("what-nobody-may-see"))
    }

    private func commands() -> [String] {
        let text = (try? String(contentsOfFile: Scratch.current + "/commands", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    // MARK: Places

    @Test(arguments: [FTPServer.Kind.vsftpd, .pyftpdlib])
    func `a directory that is not there says nothing about what it holds, and is not made`(
        _ kind: FTPServer.Kind
    ) async throws {
        let server = try await FTPServer.running(kind)
        let path = Scratch.current + "/not-mounted"
        let service = try await open(server.settings(for: path))
        let name = try #require(ObjectName("cars/a.car"))
        let codes = [
            await error { () async throws(StorageError) in _ = try await service.stat(name) },
            await error { () async throws(StorageError) in _ = try await service.read(name) },
            await error { () async throws(StorageError) in _ = try await service.put(name, Body([1])) },
            await error { () async throws(StorageError) in try await service.delete(name) },
            await error { () async throws(StorageError) in for try await _ in service.list("") {} },
            await error { () async throws(StorageError) in try await service.clear(name, mayResume: false) },
        ].map { $0?.code }
        #expect(codes == Array(repeating: .unavailable, count: 6))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `a directory that nobody may read does not say that nothing is in it`() async throws {
        let server = try await FTPServer.running(.vsftpd)
        let folder = try server.newFolder()
        let service = try await open(server.settings(for: folder))
        let name = try #require(ObjectName("a/b"))
        _ = try await service.put(name, Body([1]))
        // To whoever may do everything it is readable all the same: there a file is as good.
        try FileManager.default.removeItem(atPath: folder + "/a")
        try Data([1]).write(to: URL(filePath: folder + "/a"))
        #expect(await error { () async throws(StorageError) in _ = try await service.stat(name) }?.code == .notFound)
        let below = await error { () async throws(StorageError) in _ = try await service.put(name, Body([1])) }
        #expect(below?.code == .exists)
    }

    @Test(arguments: [FTPServer.Kind.vsftpd, .pyftpdlib, .vsftpdOverTLS])
    func `links are no copies`(_ kind: FTPServer.Kind) async throws {
        let server = try await FTPServer.running(kind)
        let folder = try server.newFolder()
        let files = FileManager.default
        try files.createSymbolicLink(atPath: folder + "/round", withDestinationPath: ".")
        try files.createDirectory(atPath: folder + "/deep", withIntermediateDirectories: true)
        try files.createSymbolicLink(atPath: folder + "/deep/up", withDestinationPath: "..")
        let service = try await open(server.settings(for: folder))
        _ = try await service.put(try #require(ObjectName("deep/a")), Body([1]))
        var listed: [String] = []
        for try await page in service.list("") { listed += page.map(\.name.text) }
        #expect(listed == ["deep/a"])
    }

    @Test(arguments: [FTPServer.Kind.vsftpd, .pyftpdlib])
    func `foreign names are passed over, but for those that make two lines of a list`(
        _ kind: FTPServer.Kind
    ) async throws {
        let server = try await FTPServer.running(kind)
        let folder = try server.newFolder()
        for name in foreignNames where !name.contains("/") && !name.contains("\n") {
            try Data([1]).write(to: URL(filePath: folder + "/" + name))
        }
        let service = try await open(server.settings(for: folder))
        _ = try await service.put(try #require(ObjectName("own")), Body([1]))
        var listed: [String] = []
        for try await page in service.list("") { listed += page.map(\.name.text) }
        #expect(listed.filter { $0 != ".hidden" } == ["own"])
    }

    @Test func `a server is not asked for more connections than it takes from one address`() async throws {
        let server = try await FTPServer.daemon(most: 2)
        let folder = try server.newFolder()
        let service = try await open(server.settings(for: folder))
        let names = try (0..<12).map { try #require(ObjectName("a/\($0)")) }
        let errors = await withTaskGroup(of: StorageError?.self) { group in
            for name in names {
                group.addTask {
                    await error { () async throws(StorageError) in _ = try await service.put(name, Body([1])) }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(errors.allSatisfy { $0 == nil }, "\(errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/a").count == 12)
    }

    /// As rclone does.
    @Test(.timeLimit(.minutes(2))) func `a server that leaves the connection of an upload open is not waited for`()
        async throws
    {
        let server = try await FTPServer.running(.rclone)
        let values = server.settings(for: try server.newFolder())
        let content = try await Subject.open("ftp", values, retries: 0, timeout: 3600)
        _ = try await #require(content.objects).put(try #require(ObjectName("a")), Body([1]))
    }

    @Test func `what is stored and removed leaves nothing behind`() async throws {
        let server = try await FTPServer.running(.vsftpdOverTLS)
        let folder = try server.newFolder()
        let service = try await open(server.settings(for: folder))
        let name = try #require(ObjectName("a/b/c.car"))
        for count in [1, 2] { _ = try await service.put(name, Body(sampleBytes(count))) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/a/b") == ["c.car"])
        try await service.delete(name)
        try await service.clear(name, mayResume: false)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
    }

    @Test func `bytes are counted once, and a call as one`() async throws {
        let server = try await FTPServer.running(.vsftpdOverTLS)
        let meter = Meter()
        let service = try await open(server.settings(for: try server.newFolder()), meter: meter)
        let name = try #require(ObjectName("a"))
        _ = try await service.put(name, Body(sampleBytes(3 << 20)))
        _ = try await collect(try await service.read(name, 100..<1_500_100), limit: 4 << 20)
        #expect(meter.counts.bytesStored == 3 << 20)
        #expect(meter.counts.puts == 1 && meter.counts.gets == 1 && meter.counts.failures == 0)
        // What was on its way when enough had come is read, or not.
        #expect((1_500_000...1_500_000 + (1 << 20)).contains(meter.counts.bytesRead))
    }

    // MARK: Settings

    @Test(
        arguments: [
            ("host", FieldValue.text("a b")), ("host", .text("a\r\nDELE x")), ("path", .text("a\nb")),
            ("path", .text("/a/../b")), ("user", .text("a\rb")), ("password", .text("a\nb")),
            ("passive", .flag(false)), ("port", .integer(70_000)),
        ]
    )
    func `settings that a server would take for something else are refused`(
        _ name: String,
        _ value: FieldValue
    ) async throws {
        var values: [String: FieldValue] = [
            "host": .text("127.0.0.1"), "path": .text("/p"), "user": .text("u"), "password": .text("p"),
        ]
        values[name] = value
        let row = try #require(ServiceRow.named("ftps"))
        #expect(throws: StorageError.self) { try row.check(values) }
    }

    @Test(
        arguments: [
            ("ftp.example", "none", true, false), ("127.0.0.1", "none", true, true), ("localhost", "none", true, true),
            ("127.0.0.1.example", "none", true, false), ("ftp.example", "explicit", true, true),
            ("ftp.example", "implicit", true, true), ("ftp.example", "explicit", false, false),
        ]
    )
    func `a password is shown over TLS that is verified and to this machine, and else where it is allowed`(
        _ host: String,
        _ security: String,
        _ verifies: Bool,
        _ isFine: Bool
    ) throws {
        let row = try #require(ServiceRow.named("ftp"))
        var values: [String: FieldValue] = [
            "host": .text(host), "path": .text("p"), "tls": .text(security), "verify_tls": .flag(verifies),
        ]
        try row.check(values)
        (values["user"], values["password"]) = (.text("me"), .text("secret"))
        #expect(((try? row.check(values)) != nil) == isFine)
        values["plain_credentials"] = .flag(true)
        try row.check(values)
    }

    private func place(
        _ values: [String: FieldValue],
        _ variables: [String: String] = [:]
    ) async throws -> ServicePlace {
        let context = ServiceContext(
            backend: "b",
            type: "ftp",
            operational: OperationalSettings(),
            policy: CallPolicy(backend: "b", timing: Timing(now: { 0 })),
            environment: { variables[$0] }
        )
        return try await #require(ServiceRow.named("ftp")).place(of: values, in: context)
    }

    @Test func `one place has one name`() async throws {
        let plain: [String: FieldValue] = ["host": .text("Box.example"), "user": .text("me"), "path": .text("/a/b")]
        let words = try await place(plain).words
        #expect(words == ["ftp", "box.example:21", "me", "/a/b"])
        for (name, value) in [
            ("path", FieldValue.text("//a/./b/")), ("port", .integer(21)), ("host", .text("box.example")),
        ] {
            #expect(try await place(plain.merging([name: value]) { $1 }).words == words)
        }
        for (name, value) in [("path", FieldValue.text("a/b")), ("tls", .text("implicit")), ("user", .text("you"))] {
            #expect(try await place(plain.merging([name: value]) { $1 }).words != words)
        }
    }

    @Test func `variables are of the server that they name, and of no other`() async throws {
        let variables = ["FTP_HOST": "ftp.example", "FTP_USER": "me", "FTP_PASSWORD": "secret"]
        #expect(try await place(["path": .text("p")], variables).account == "me@ftp.example:21")
        #expect(try await place(["path": .text("p"), "host": .text("FTP.example")], variables).account != "")
        #expect(try await place(["path": .text("p"), "host": .text("other.example")], variables).account == "")
        await #expect(throws: StorageError.self) { try await place(["path": .text("p")]) }
    }

    @Test(arguments: [("true", "explicit"), ("false", "none"), ("implicit", "implicit")])
    func `older words for TLS are read`(_ old: String, _ new: String) throws {
        let settings = try FTPSettings(values: ["host": .text("h"), "path": .text("p"), "tls": .text(old)])
        #expect(settings.security?.rawValue == new)
    }

    @Test func `the page of the type names every setting`() throws {
        let page = try String(contentsOf: packageRoot.appending(path: "docs/backends/ftp.md"), encoding: .utf8)
        for field in FTPSettings.fieldInfo {
            #expect(page.contains("| `\(field.name)` | \(field.section.rawValue) |"), "\(field.name)")
        }
        for alias in FTPSettings.fieldInfo.flatMap(\.aliases) where alias.contains("_") {
            #expect(page.contains("`\(alias)`"), "\(alias)")
        }
    }
}
