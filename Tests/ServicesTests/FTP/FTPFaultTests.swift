import Digests
import Foundation
import Samples
import Schema
import Storage
import TestKit
import Testing

/// Servers that say what they should not, end in the middle, or lack what others have.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(2))) struct FTPFaultTests: FTPTrial {
    // MARK: What is not as it should be

    @Test func `what is no server of the protocol is an error and never absence`() async throws {
        let service = try await open(["text"])
        let name = try #require(name)
        for error in [
            await error { () async throws(StorageError) in _ = try await service.stat(name) },
            await error { () async throws(StorageError) in _ = try await service.put(name, Body([1])) },
            await error { () async throws(StorageError) in for try await _ in service.list("") {} },
        ] {
            #expect(error?.code == .unexpected)
            #expect(error?.message.contains("HTTP/1.1 400") == true, "\(error?.message ?? "")")
        }
    }

    @Test(arguments: ["odd", "unreadable"])
    func `a list that is not whole says nothing of what is absent`(_ mode: String) async throws {
        let service = try await open(["no-facts", mode])
        try write("other", [1])
        let name = try #require(ObjectName("missing"))
        let asked = await error { () async throws(StorageError) in _ = try await service.stat(name) }
        #expect(asked != nil && asked?.code != .notFound)
        let listed = await error { () async throws(StorageError) in for try await _ in service.list("") {} }
        #expect(listed != nil)
    }

    @Test(arguments: [[], ["no-facts"]])
    func `a list over TLS whose end anybody on the way could have made says nothing`(_ modes: [String]) async throws {
        let service = try await open(modes + ["unsealed"], isSecure: true)
        try write("other", [1])
        let missing = try #require(ObjectName("missing"))
        let asked = await error { () async throws(StorageError) in _ = try await service.stat(missing) }
        #expect(asked?.code == .unavailable)
        let listed = await error { () async throws(StorageError) in for try await _ in service.list("") {} }
        #expect(listed?.code == .unavailable)
        // A file is as long as it should be, or it is not given.
        let other = try #require(ObjectName("other"))
        #expect(try await collect(try await service.read(other), limit: 10) == [1])
    }

    @Test(arguments: [
        ["no-facts"], ["no-facts", "dos"], ["no-facts", "plain-words"], ["other-host"], ["no-rest"], [],
    ])
    func `what a server lacks is done without`(_ modes: [String]) async throws {
        let service = try await open(modes)
        let name = try #require(name)
        for count in [300_000, 300_000, 10] {
            let bytes = sampleBytes(count, seed: UInt64(count))
            _ = try await service.put(name, Body(bytes))
            #expect(try await collect(try await service.read(name), limit: 1 << 20) == bytes)
        }
        #expect(
            try await collect(try await service.read(name, 3..<8), limit: 100)
                == Array(sampleBytes(10, seed: 10)[3..<8])
        )
        #expect(try names("a") == ["b.car"])
        var listed: [ObjectInfo] = []
        for try await page in service.list("") { listed += page }
        #expect(listed.map(\.name) == [name] && listed.first?.length == 10)
        let missing = try #require(ObjectName("a/c"))
        #expect(await error { () async throws(StorageError) in _ = try await service.stat(missing) }?.code == .notFound)
    }

    @Test func `the host that an answer names is not connected to`() async throws {
        let service = try await open(["other-host"])
        let name = try #require(name)
        _ = try await service.put(name, Body([1]))
        #expect(commands("PASV").count >= 1)
    }

    @Test(arguments: [
        ("late-refusal:426", StorageError.Code.unavailable), ("late-refusal:451", .unavailable),
        ("late-refusal:552", .quotaExceeded),
    ])
    func `an upload that is not praised in the end is none`(_ mode: String, _ code: StorageError.Code) async throws {
        try write("a/b.car", [7])
        let service = try await open([mode])
        let name = try #require(name)
        let error = await error { () async throws(StorageError) in _ = try await service.put(name, Body([1, 2])) }
        #expect(error?.code == code)
        #expect(try names("a") == ["b.car"])
        #expect(try content("a/b.car") == [7])
    }

    @Test func `an upload of which the server has less than it says is none`() async throws {
        try write("a/b.car", [7])
        let service = try await open(["short"])
        let name = try #require(name)
        let error = await error { () async throws(StorageError) in _ = try await service.put(name, Body([1, 2])) }
        #expect(error?.code == .corrupt)
        #expect(error?.isBrokenPromise == true)
        #expect(try content("a/b.car") == [7])
    }

    @Test(arguments: [[], ["no-facts"]]) func `a file that is in the list and not given is withheld`(
        _ modes: [String]
    ) async throws {
        try write("a/b.car", [7])
        let service = try await open(modes + ["gives-none"])
        let name = try #require(name)
        let error = await error { () async throws(StorageError) in
            _ = try await collect(try await service.read(name), limit: 10)
        }
        #expect(error?.code == .unavailable && error?.isBrokenPromise == true, "\(error as Any)")
        // One that is in no list is not there.
        let other = try #require(ObjectName("a/c.car"))
        #expect(
            await self.error { () async throws(StorageError) in _ = try await service.read(other) }?.code == .notFound
        )
    }

    // MARK: Connections

    @Test func `a connection that the server ended is opened anew`() async throws {
        let service = try await open(["idle"])
        let name = try #require(name)
        _ = try await service.put(name, Body([1]))
        // The first that ended is that of whoever looked whether the server is there.
        #expect(try await holds { (try? Data(contentsOf: URL(filePath: Scratch.current + "/ended")).count) ?? 0 > 1 })
        // No call is made again.
        #expect(try await service.stat(name).length == 1)
        #expect(commands("USER").count == 2)
    }

    @Test func `a server that takes few connections is given no more work than those can do`() async throws {
        let service = try await open(["crowded:1"])
        let names = try (0..<8).map { try #require(ObjectName("a/\($0)")) }
        let errors = await withTaskGroup(of: StorageError?.self) { group in
            for name in names {
                group.addTask {
                    await error { () async throws(StorageError) in _ = try await service.put(name, Body([1])) }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(errors.allSatisfy { $0 == nil }, "\(errors)")
        #expect(try self.names("a").count == 8)
    }

    @Test func `a server that takes none says so, and is left alone for a while`() async throws {
        let service = try await open(["crowded:0"])
        let name = try #require(name)
        #expect(await error { () async throws(StorageError) in _ = try await service.stat(name) }?.code == .rateLimited)
    }

    @Test func `no more connections are open at once than settings say`() async throws {
        let server = try await FTPServer.scripted(["crowded:2"], memory: Scratch.current)
        let service = try await open(server, settings: ["connections": .integer(2)])
        let names = try (0..<12).map { try #require(ObjectName("a/\($0)")) }
        await withTaskGroup(of: Void.self) { group in
            for name in names {
                group.addTask { _ = try? await service.put(name, Body(sampleBytes(100_000))) }
                group.addTask { _ = try? await service.stat(name) }
            }
        }
        #expect(commands("PASS").count <= 2)
    }

    @Test func `an upload may read from the same place`() async throws {
        for connections in [1, 2] {
            let service = try await open([], settings: ["connections": .integer(Int64(connections))])
            let (one, other) = (try #require(ObjectName("one")), try #require(ObjectName("other")))
            let bytes = sampleBytes(3 << 20)
            _ = try await service.put(one, Body(bytes))
            let copy = Body(length: UInt64(bytes.count)) { range in
                Pulled {
                    let cursor = Locked<StreamCursor<[UInt8]>?>(nil)
                    return { () async throws(StorageError) in
                        let open: StreamCursor<[UInt8]>
                        if let known = cursor.read({ $0 }) {
                            open = known
                        } else {
                            open = StreamCursor(try await service.read(one, range))
                        }
                        cursor.change { $0 = open }
                        return try await open.next()
                    }
                }
            }
            _ = try await service.put(other, copy)
            #expect(try content("other") == bytes)
        }
    }

    @Test func `bytes keep to the rate of the backend both ways`() async throws {
        let clock = Locked(Duration.zero)
        let timing = Timing(
            now: { 0 },
            uptime: { clock.read { $0 } },
            sleep: { wait in clock.change { $0 += wait } },
            random: { 0 }
        )
        let server = try await FTPServer.scripted([], memory: Scratch.current)
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let content = try await Subject.open("ftp", server.settings(for: root), rate: 256 << 10, timing: timing)
        let service = try #require(content.objects)
        let name = try #require(ObjectName("a"))
        _ = try await service.put(name, Body(sampleBytes(1 << 20)))
        #expect(clock.read { $0 } == .seconds(4))
        _ = try await collect(try await service.read(name), limit: 1 << 20)
        #expect(clock.read { $0 } == .seconds(8))
    }
}
