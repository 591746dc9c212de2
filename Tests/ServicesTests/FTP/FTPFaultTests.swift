import Digests
import Foundation
import Samples
import Schema
import Storage
import TestKit
import Testing

/// Servers that say what they should not, end in the middle, or lack what others have.
@Suite(.scratch, .timeLimit(.minutes(2))) struct FTPFaultTests {
    private func open(
        _ modes: [String],
        retries: Int = 0,
        timeout: Int = 30,
        isSecure: Bool = false,
        settings: [String: FieldValue] = [:],
        gate: any ChangeGate = OpenGate(),
        timing: Timing? = nil,
        state: String? = nil
    ) async throws -> any StorageService {
        let server = try await FTPServer.scripted(modes, memory: Scratch.current, isSecure: isSecure)
        return try await open(
            server,
            retries: retries,
            timeout: timeout,
            settings: settings,
            gate: gate,
            timing: timing,
            state: state
        )
    }

    private func open(
        _ server: FTPServer,
        retries: Int = 0,
        timeout: Int = 30,
        settings: [String: FieldValue] = [:],
        gate: any ChangeGate = OpenGate(),
        timing: Timing? = nil,
        state: String? = nil
    ) async throws -> any StorageService {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let values = server.settings(for: root).merging(settings) { $1 }
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        let content = try await Subject.open(
            "ftp",
            values,
            retries: retries,
            timeout: timeout,
            timing: timing ?? Timing(now: { now }),
            gate: gate,
            state: state
        )
        return try #require(content.objects)
    }

    private var root: String { Scratch.current + "/root" }
    private func path(_ name: String) -> String { root + "/" + name }
    private func content(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path(name)))) }
    private func names(_ folder: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path(folder)).sorted()
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        let place = URL(filePath: path(name))
        let folder = place.deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: place)
    }

    private func commands(_ verb: String = "") -> [String] {
        let text = (try? String(contentsOfFile: Scratch.current + "/commands", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init).filter { $0.hasPrefix(verb) }
    }

    private func error(_ work: () async throws(StorageError) -> Void) async -> StorageError? {
        do throws(StorageError) {
            try await work()
            return nil
        } catch {
            return error
        }
    }

    private let name = ObjectName("a/b.car")

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

    // MARK: Going on

    @Test(arguments: [false, true])
    func `an upload that broke off goes on where it stopped`(_ isAnotherProcess: Bool) async throws {
        let server = try await FTPServer.scripted(["break:\(9 << 20)"], memory: Scratch.current)
        let state = Scratch.current + "/state"
        let name = try #require(name)
        let bytes = sampleBytes(14 << 20)
        let first = try await open(server, retries: isAnotherProcess ? 0 : 1, state: state)
        if isAnotherProcess {
            let broken = await error { () async throws(StorageError) in _ = try await first.put(name, Body(bytes)) }
            #expect(broken?.mayHaveHappened == true)
            #expect(try names("a").count == 1)
            _ = try await open(server, state: state).put(name, Body(bytes))
        } else {
            _ = try await first.put(name, Body(bytes))
        }
        #expect(try content("a/b.car") == bytes)
        #expect(try names("a") == ["b.car"])
        #expect(commands("REST") == ["REST \(8 << 20)"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: state + "/uploads") == [])
    }

    @Test func `what a home did not write itself it does not go on with`() async throws {
        let server = try await FTPServer.scripted(["break:\(9 << 20)"], memory: Scratch.current)
        let name = try #require(name)
        let (one, other) = (sampleBytes(14 << 20), sampleBytes(14 << 20, seed: 3))
        let (first, second) = (Scratch.current + "/first", Scratch.current + "/second")
        let service = try await open(server, state: first)
        _ = await error { () async throws(StorageError) in _ = try await service.put(name, Body(one)) }
        // Another home, and the same one with other bytes.
        _ = try await open(server, state: second).put(name, Body(other))
        #expect(try content("a/b.car") == other)
        _ = try await open(server, state: first).put(name, Body(other))
        #expect(commands("REST") == [])
        // Of two that have one note, one goes on with it.
        #expect(try content("a/b.car") == other)
    }

    @Test func `of a copied home only one goes on with what both know of`() async throws {
        let server = try await FTPServer.scripted(["break:\(9 << 20)"], memory: Scratch.current)
        let name = try #require(name)
        let bytes = sampleBytes(14 << 20)
        let (first, copied) = (Scratch.current + "/first", Scratch.current + "/copied")
        let service = try await open(server, state: first)
        _ = await error { () async throws(StorageError) in _ = try await service.put(name, Body(bytes)) }
        try FileManager.default.copyItem(atPath: first, toPath: copied)
        _ = try await open(server, state: first).put(name, Body(bytes))
        _ = try await open(server, state: copied).put(name, Body(bytes))
        #expect(try content("a/b.car") == bytes)
        #expect(commands("REST").count == 1)
    }

    @Test(arguments: [true, false])
    func `a read that breaks goes on where something tells versions apart, and else ends`(
        _ hasVersions: Bool
    ) async throws {
        let service = try await open(["break-read:1500000"] + (hasVersions ? [] : ["no-facts"]), retries: 1)
        let name = try #require(name)
        let bytes = sampleBytes(3 << 20)
        try write("a/b.car", bytes)
        if hasVersions {
            #expect(try await collect(try await service.read(name), limit: 4 << 20) == bytes)
            #expect(commands("REST") == ["REST 1500000"])
        } else {
            let broken = await error { () async throws(StorageError) in
                _ = try await collect(try await service.read(name), limit: 4 << 20)
            }
            #expect(broken?.code == .unavailable)
        }
    }

    @Test func `a short file of which the server gives less than it has, with praise, is none`() async throws {
        let service = try await open(["break-read:100"])
        let name = try #require(name)
        try write("a/b.car", sampleBytes(300))
        let broken = await error { () async throws(StorageError) in
            _ = try await collect(try await service.read(name), limit: 1000)
        }
        #expect(broken?.code == .unavailable)
        #expect(try await collect(try await service.read(name), limit: 1000) == sampleBytes(300))
    }

    @Test func `what is a day old is read on by its time`() async throws {
        let service = try await open(["break-read:1500000", "no-facts"], retries: 1)
        let bytes = sampleBytes(3 << 20)
        try write("a/b.car", bytes)
        let old = Date(timeIntervalSinceNow: -90_000)
        try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path("a/b.car"))
        #expect(try await collect(try await service.read(try #require(name)), limit: 4 << 20) == bytes)
    }

    @Test func `what replaces a file of one length has a time of its own`() async throws {
        let service = try await open([])
        let name = try #require(name)
        var times: [Timestamp?] = []
        for seed in 0..<3 {
            _ = try await service.put(name, Body(sampleBytes(10, seed: UInt64(seed))))
            times.append(try await service.stat(name).modified)
        }
        #expect(Set(times).count == 3)
    }

    // MARK: Replacing

    @Test func `a server that refuses a name that is taken is given the new file all the same`() async throws {
        let service = try await open(["refuses-taken"])
        let name = try #require(name)
        for count in [5, 6] { _ = try await service.put(name, Body(sampleBytes(count))) }
        #expect(try content("a/b.car") == sampleBytes(6))
        #expect(try names("a") == ["b.car"])
    }

    /// The commands of the second upload are RNFR and RNTO of the new file, of the old one, and of the new one again.
    @Test(arguments: ["cut:RNTO:4", "lose:RNTO:3", "cut:RNFR:4"])
    func `a replacement that is cut leaves the old file or the new, and nobody says that it is absent`(
        _ mode: String
    ) async throws {
        let service = try await open(["refuses-taken", mode])
        let name = try #require(name)
        _ = try await service.put(name, Body(sampleBytes(5)))
        let cut = await error { () async throws(StorageError) in
            _ = try await service.put(name, Body(sampleBytes(6)))
        }
        #expect(cut?.mayHaveHappened == true)
        #expect(try !names("a").contains("b.car"))
        for error in [
            await error { () async throws(StorageError) in _ = try await service.stat(name) },
            await error { () async throws(StorageError) in _ = try await service.read(name) },
        ] {
            #expect(error?.code == .unavailable)
            #expect(error?.retry == .later)
        }
        try await service.clear(name, mayResume: true)
        #expect(try await collect(try await service.read(name), limit: 100) == sampleBytes(5))
        #expect(try names("a") == ["b.car"])
        // What is removed does not come back.
        try await service.delete(name)
        #expect(await error { () async throws(StorageError) in _ = try await service.stat(name) }?.code == .notFound)
    }

    @Test func `what was left of a replacement goes with what is removed`() async throws {
        try write("a/.b.car.1.2.old", [1])
        let service = try await open([])
        let name = try #require(name)
        #expect(await error { () async throws(StorageError) in _ = try await service.stat(name) }?.code == .unavailable)
        try await service.delete(name)
        #expect(await error { () async throws(StorageError) in _ = try await service.stat(name) }?.code == .notFound)
        #expect(try names("a") == [])
    }

    @Test func `the old file beside a new one is removed, and that of another name stays`() async throws {
        for left in ["a/.b.car.1.2.old", "a/.b.car.1.2.part", "a/.c.car.1.2.old", "a/b.car"] { try write(left, [1]) }
        let service = try await open([])
        let name = try #require(name)
        #expect(try await service.stat(name).length == 1)
        try await service.clear(name, mayResume: false)
        #expect(try names("a") == [".c.car.1.2.old", "b.car"])
    }

    @Test func `a folder in the place of an object is not replaced`() async throws {
        for modes in [[], ["refuses-taken"]] {
            let service = try await open(modes)
            try write("x/inside", [1])
            let name = try #require(ObjectName("x"))
            let error = await error { () async throws(StorageError) in _ = try await service.put(name, Body([1])) }
            #expect(error?.code == .exists)
            #expect(try names() == ["x"])
            try await service.delete(name)
            #expect(try names("x") == ["inside"])
        }
    }

    @Test(arguments: ["lose:RNTO:1", "lose:DELE:1"])
    func `a change whose answer is lost may have been made`(_ mode: String) async throws {
        if mode.contains("DELE") { try write("a/b.car", [1]) }
        let service = try await open([mode])
        let name = try #require(name)
        let error = await error { () async throws(StorageError) in
            if mode.contains("DELE") {
                try await service.delete(name)
            } else {
                _ = try await service.put(name, Body([1]))
            }
        }
        #expect(error?.code == .unavailable)
        #expect(error?.mayHaveHappened == true)
    }

    @Test func `an upload whose right was lost meanwhile gets no name`() async throws {
        let clock = Locked(Duration.zero)
        let timing = Timing(now: { 0 }, uptime: { clock.read { $0 } })
        let service = try await open([], gate: OneChange(), timing: timing)
        let body = Body(length: 2 << 20) { range in
            clock.change { $0 = .seconds(2) }
            return Body(sampleBytes(2 << 20)).open(range)
        }
        let name = try #require(name)
        let error = await error { () async throws(StorageError) in _ = try await service.put(name, body) }
        #expect(error?.code == .superseded)
        #expect(try !names("a").contains("b.car"))
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

/// Admits one change.
private struct OneChange: ChangeGate {
    private let isOpen = Locked(true)

    func admit(_ change: Change) async throws(StorageError) {
        let isFirst = isOpen.change { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        guard isFirst else { throw StorageError(.superseded, "The right was lost.") }
    }
}
