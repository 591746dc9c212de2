import Foundation
import Samples
import Schema
import Storage
import TestKit
import Testing

@testable import Services

/// What is special to servers that one reaches by SSH; everything else is in the laws.
@Suite(.scratch, .inTurn) struct SFTPTests {
    private func open(_ values: [String: FieldValue], meter: Meter = Meter()) async throws -> any StorageService {
        try #require(try await Subject.open("sftp", values, retries: 0, meter: meter).objects)
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

    @Test(.timeLimit(.minutes(2)), arguments: SFTPServer.Kind.allCases)
    func `large and many small objects are kept whole`(_ kind: SFTPServer.Kind) async throws {
        let server = try await SFTPServer.running(kind)
        let service = try await open(server.settings(for: try server.newFolder()))
        let large = try #require(ObjectName("large"))
        let bytes = sampleBytes(20 << 20)
        _ = try await service.put(large, Body(bytes))
        #expect(try await collect(try await service.read(large), limit: 64 << 20) == bytes)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<40 {
                group.addTask {
                    let name = try #require(ObjectName("many/\(index)"))
                    let bytes = sampleBytes(10_000, seed: UInt64(index))
                    _ = try await service.put(name, Body(bytes))
                    #expect(try await collect(try await service.read(name), limit: 20_000) == bytes)
                }
            }
            try await group.waitForAll()
        }
    }

    // MARK: Keys and secrets

    @Test func `a password opens the way, and stands where no list of processes shows it`() async throws {
        let server = try await SFTPServer.running(.rclone)
        var values = server.settings(for: try server.newFolder())
        values["key_file"] = nil
        values["password"] = .text(server.password)
        values["ssh_options"] = .list(SFTPServer.alone + ["PubkeyAuthentication=no"])
        let service = try await open(values)
        let name = try #require(ObjectName("a"))
        _ = try await service.put(name, Body([1, 2, 3]))
        #expect(try await service.stat(name).length == 3)
        let seen = Self.processes(with: server.knownHosts)
        #expect(!seen.isEmpty, "the session's program is not to be seen")
        #expect(seen.filter { $0.contains(server.password) } == [])
        values["password"] = .text("another-" + server.password)
        let refused = try await errorOfAsking(values)
        #expect(refused?.code == .badCredentials)
        #expect(refused?.message.contains(server.password) == false)
    }

    /// The words and the variables of all processes that were started with a word.
    private static func processes(with word: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.filter { Int($0) != nil }.compactMap { number in
            func text(_ name: String) -> String {
                String(
                    decoding: FileManager.default.contents(atPath: "/proc/\(number)/\(name)") ?? Data(),
                    as: UTF8.self
                )
            }
            let words = text("cmdline")
            return words.contains(word) ? words + text("environ") : nil
        }
    }

    @Test func `a key behind a passphrase is opened with it, and not without`() async throws {
        let server = try await SFTPServer.running(.openSSH)
        var values = server.settings(for: try server.newFolder())
        values["key_file"] = .text(try await server.addKey(passphrase: "behind-the-door"))
        #expect(try await errorOfAsking(values)?.code == .badCredentials)
        values["passphrase"] = .text("behind-the-door")
        #expect(try await errorOfAsking(values)?.code == .notFound)
    }

    @Test func `a server whose key nobody knows is not talked to`() async throws {
        let server = try await SFTPServer.running(.openSSH)
        let other = try await SFTPServer.running(.rclone)
        var values = server.settings(for: try server.newFolder())
        let empty = Scratch.current + "/known"
        try Data().write(to: URL(filePath: empty))
        let key = try String(contentsOfFile: other.knownHosts, encoding: .utf8).split(separator: " ").dropFirst()
        let false_ = Scratch.current + "/false"
        try "[127.0.0.1]:\(server.port) \(key.joined(separator: " "))".write(
            toFile: false_,
            atomically: true,
            encoding: .utf8
        )
        for file in [empty, false_] {
            values["known_hosts"] = .text(file)
            for secret in ["", "a-password"] {
                values["password"] = secret.isEmpty ? nil : .text(secret)
                #expect(try await errorOfAsking(values)?.code == .badCredentials, "\(file)")
            }
        }
        #expect(try Data(contentsOf: URL(filePath: empty)).isEmpty, "the key was taken for known")
    }

    @Test func `the program of a session ends with the backend`() async throws {
        let server = try await SFTPServer.running(.openSSH)
        var values = server.settings(for: try server.newFolder())
        let known = Scratch.current + "/known"
        try FileManager.default.copyItem(atPath: server.knownHosts, toPath: known)
        values["known_hosts"] = .text(known)
        do {
            let service = try await open(values)
            let name = try #require(ObjectName("a"))
            _ = try await service.put(name, Body([1]))
            #expect(!Self.processes(with: known).isEmpty)
            withExtendedLifetime(service) {}
        }
        #expect(try await holds { Self.processes(with: known).isEmpty })
    }

    // MARK: Places

    @Test func `a directory that is not there says nothing about what it holds, and is not made`() async throws {
        let server = try await SFTPServer.running(.openSSH)
        let path = Scratch.current + "/not-mounted"
        let service = try await open(server.settings(for: path))
        let name = try #require(ObjectName("cars/a.car"))
        let codes = [
            await error { () async throws(StorageError) in _ = try await service.stat(name) },
            await error { () async throws(StorageError) in _ = try await service.read(name) },
            await error { () async throws(StorageError) in _ = try await service.put(name, Body([1])) },
            await error { () async throws(StorageError) in try await service.delete(name) },
            await error { () async throws(StorageError) in for try await _ in service.list("") {} },
            await error { () async throws(StorageError) in _ = try await service.usage(mayWalk: true) },
        ].map { $0?.code }
        #expect(codes == Array(repeating: .unavailable, count: 6))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `a directory that goes away takes nothing with it`() async throws {
        let server = try await SFTPServer.running(.openSSH)
        let folder = try server.newFolder()
        let service = try await open(server.settings(for: folder))
        let name = try #require(ObjectName("cars/a.car"))
        _ = try await service.put(name, Body([1]))
        try FileManager.default.moveItem(atPath: folder, toPath: folder + "-away")
        #expect(await error { () async throws(StorageError) in _ = try await service.stat(name) }?.code == .unavailable)
        #expect(await error { () async throws(StorageError) in _ = try await service.read(name) }?.code == .unavailable)
        #expect(
            await error { () async throws(StorageError) in _ = try await service.put(name, Body([1])) }?.code
                == .unavailable
        )
        try FileManager.default.moveItem(atPath: folder + "-away", toPath: folder)
        #expect(try await service.stat(name).length == 1)
    }

    @Test func `another disk in the place of the directory says nothing about what it holds`() async throws {
        let server = try await SFTPServer.running(.openSSH)
        let folder = try server.newFolder()
        let service = try await open(server.settings(for: folder))
        let (name, other) = (try #require(ObjectName("cars/a.car")), try #require(ObjectName("cars/b.car")))
        _ = try await service.put(name, Body([1]))
        try await Disk.mounted(["-t", "tmpfs", "tmpfs"], at: folder) { _ in
            let codes = [
                await error { () async throws(StorageError) in _ = try await service.stat(name) },
                await error { () async throws(StorageError) in _ = try await service.read(name) },
                await error { () async throws(StorageError) in _ = try await service.put(other, Body([1])) },
                await error { () async throws(StorageError) in try await service.delete(name) },
                await error { () async throws(StorageError) in for try await _ in service.list("") {} },
            ].map { $0?.code }
            #expect(codes == Array(repeating: .unavailable, count: 5))
            let left = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? ["unreadable"]
            #expect(left == [])
        }
        #expect(try await service.stat(name).length == 1)
    }

    @Test func `what a killed writer left is removed after a day, and not before`() async throws {
        let server = try await SFTPServer.running(.openSSH)
        let root = try server.newFolder()
        let folder = root + "/cars"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (old, young) = (folder + "/.a.car.1.2.part", folder + "/.b.car.1.2.part")
        for path in [old, young, folder + "/.other"] { try Data([1]).write(to: URL(filePath: path)) }
        let yesterday = Date(timeIntervalSinceNow: -90_000)
        for path in [old, folder + "/.other"] {
            try FileManager.default.setAttributes([.modificationDate: yesterday], ofItemAtPath: path)
        }
        let service = try await open(server.settings(for: root))
        _ = try await service.put(try #require(ObjectName("cars/c.car")), Body([1, 2, 3]))
        #expect(
            try await holds {
                try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                    == [".b.car.1.2.part", ".other", "c.car"]
            }
        )
    }

    @Test func `links are no copies, and nothing is kept behind them`() async throws {
        let server = try await SFTPServer.running(.openSSH)
        let folder = try server.newFolder()
        let files = FileManager.default
        try files.createDirectory(atPath: Scratch.current + "/elsewhere", withIntermediateDirectories: true)
        try Data([1, 2]).write(to: URL(filePath: Scratch.current + "/elsewhere/a.car"))
        try files.createSymbolicLink(atPath: folder + "/l", withDestinationPath: Scratch.current + "/elsewhere")
        try files.createSymbolicLink(
            atPath: folder + "/b.car",
            withDestinationPath: Scratch.current + "/elsewhere/a.car"
        )
        let service = try await open(server.settings(for: folder))
        let (behind, link) = (try #require(ObjectName("l/a.car")), try #require(ObjectName("b.car")))
        #expect(
            await error { () async throws(StorageError) in _ = try await service.stat(behind) }?.code == .badSettings
        )
        #expect(
            await error { () async throws(StorageError) in _ = try await service.put(behind, Body([1])) }?.code
                == .badSettings
        )
        #expect(await error { () async throws(StorageError) in _ = try await service.stat(link) }?.code == .corrupt)
        var listed: [ObjectInfo] = []
        for try await page in service.list("") { listed += page }
        #expect(listed.map(\.name) == [link])
        #expect(listed.first?.length == nil)
    }

    // MARK: Settings

    @Test(
        arguments: [
            ("host", "-oProxyCommand=x"), ("host", "a b"), ("host", "a;b"), ("user", "-l"), ("user", "$(x)"),
            ("known_hosts", "relative"), ("key_file", "/a\"b"),
        ]
    )
    func `settings that ssh would take for something else are refused`(_ name: String, _ value: String) async throws {
        var values: [String: FieldValue] = ["host": .text("h"), "path": .text("/p")]
        values[name] = .text(value)
        let opened = await error { () async throws(StorageError) in
            do {
                _ = try await Subject.open("sftp", values)
            } catch let error as StorageError {
                throw error
            } catch {}
        }
        #expect(opened?.code == .badSettings)
    }

    @Test func `a program that is not there is a matter of settings`() async throws {
        let values: [String: FieldValue] = [
            "host": .text("h"), "path": .text("/p"), "ssh_command": .list([Scratch.current + "/no-ssh"]),
        ]
        let error = try await errorOfAsking(values)
        #expect(error?.code == .badSettings)
        #expect(error?.message.contains("no-ssh") == true)
    }

    @Test func `the page of the type names every setting`() throws {
        let page = try String(contentsOf: packageRoot.appending(path: "docs/backends/sftp.md"), encoding: .utf8)
        for field in SFTPSettings.fieldInfo {
            #expect(page.contains("| `\(field.name)` | \(field.section.rawValue) |"), "\(field.name)")
        }
        for alias in SFTPSettings.fieldInfo.flatMap(\.aliases) where alias.contains("_") {
            #expect(page.contains("`\(alias)`"), "\(alias)")
        }
    }

    @Test func `one place has one name`() async throws {
        let row = try #require(ServiceRow.named("ssh"))
        func place(_ values: [String: FieldValue]) async throws -> [String] {
            let context = ServiceContext(
                backend: "b",
                type: "sftp",
                operational: OperationalSettings(),
                policy: CallPolicy(backend: "b", timing: Timing(now: { 0 })),
                environment: { _ in nil }
            )
            return try await row.place(of: values, in: context).words
        }
        let plain: [String: FieldValue] = ["host": .text("Box.example"), "user": .text("me"), "path": .text("/a/b")]
        let words = try await place(plain)
        #expect(words == ["sftp", "box.example:22", "me", "/a/b"])
        for (name, value) in [
            ("path", FieldValue.text("//a/./b/")), ("port", .integer(22)), ("host", .text("box.example")),
        ] {
            #expect(try await place(plain.merging([name: value]) { $1 }) == words)
        }
        for (name, value) in [("path", FieldValue.text("a/b")), ("port", .integer(2222)), ("user", .text("you"))] {
            #expect(try await place(plain.merging([name: value]) { $1 }) != words)
        }
    }
}
