import Foundation
import Samples
import Schema
import Storage
import TestKit
import Testing

/// Servers that say what they should not, end in the middle, or lack what others have.
@Suite(.scratch, .inTurn) struct SFTPFaultTests {
    private func open(
        _ mode: String,
        timeout: Int = 30,
        retries: Int = 0,
        path: String = Scratch.current,
        meter: Meter = Meter()
    ) async throws -> any StorageService {
        let values = try SFTPServer.settings(ofMode: mode, memory: Scratch.current, path: path)
        let content = try await Subject.open("sftp", values, retries: retries, timeout: timeout, meter: meter)
        return try #require(content.objects)
    }

    private func error(_ work: () async throws(StorageError) -> Void) async -> StorageError? {
        do throws(StorageError) {
            try await work()
            return nil
        } catch {
            return error
        }
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            ("silent", StorageError.Code.unavailable, "answered nothing"), ("mute", .unavailable, "answered nothing"),
            ("drip", .unavailable, "answered nothing"),
            ("text", .unexpected, "Welcome to this host"), ("huge", .unexpected, "2147483647"),
            ("stranger", .unexpected, "nobody asked"), ("cut", .unexpected, "cut off"),
            ("deny", .badCredentials, "Permission denied"),
        ]
    )
    func `a server that does not speak as it should is an error and never absence`(
        _ mode: String,
        _ code: StorageError.Code,
        _ words: String
    ) async throws {
        let service = try await open(mode, timeout: 1)
        let name = try #require(ObjectName("a/b.car"))
        let errors = [
            await error { () async throws(StorageError) in _ = try await service.stat(name) },
            await error { () async throws(StorageError) in _ = try await service.put(name, Body([1])) },
            await error { () async throws(StorageError) in for try await _ in service.list("") {} },
        ]
        for error in errors {
            #expect(error?.code == code)
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
    }

    @Test func `a session that ended is opened anew by the next try`() async throws {
        let meter = Meter()
        let service = try await open("end:2000", retries: 1, meter: meter)
        let name = try #require(ObjectName("a/b.car"))
        let bytes = sampleBytes(100_000)
        _ = try await service.put(name, Body(bytes))
        #expect(try await collect(try await service.read(name), limit: 1 << 20) == bytes)
        #expect(FileManager.default.fileExists(atPath: Scratch.current + "/ended"))
        var wanted = meter.counts
        (wanted.puts, wanted.gets, wanted.failures) = (2, 1, 1)
        #expect(meter.counts == wanted)
        #expect(wanted.calls == 3)
    }

    @Test(arguments: [0, 1])
    func `a change whose answer is lost may have been made`(_ retries: Int) async throws {
        let path = Scratch.current + "/a.car"
        let name = try #require(ObjectName("a.car"))
        for isRemoval in [false, true] {
            let memory = Scratch.current + "/memory-\(isRemoval)"
            try FileManager.default.createDirectory(atPath: memory, withIntermediateDirectories: true)
            let values = try SFTPServer.settings(ofMode: "lost", memory: memory, path: Scratch.current)
            let service = try #require(try await Subject.open("sftp", values, retries: retries).objects)
            let error = await error { () async throws(StorageError) in
                if isRemoval { try await service.delete(name) } else { _ = try await service.put(name, Body([1])) }
            }
            #expect(error?.code == (retries == 0 ? .unavailable : nil))
            #expect(error?.mayHaveHappened != false)
            #expect(FileManager.default.fileExists(atPath: path) == !isRemoval)
            #expect(FileManager.default.fileExists(atPath: memory + "/ended"))
        }
    }

    @Test func `an upload that is stopped while it gets its name may have got it`() async throws {
        let service = try await open("late:name")
        let name = try #require(ObjectName("a.car"))
        let upload = Task {
            await error { () async throws(StorageError) in _ = try await service.put(name, Body([1])) }
        }
        #expect(try await holds { FileManager.default.fileExists(atPath: Scratch.current + "/kept-back") })
        upload.cancel()
        let stopped = await upload.value
        #expect(stopped?.code == .cancelled)
        #expect(stopped?.mayHaveHappened == true)
        #expect(FileManager.default.fileExists(atPath: Scratch.current + "/a.car"))
    }

    @Test func `what replaces a file of one length and a later time has a time of its own`() async throws {
        let path = Scratch.current + "/a"
        try Data([1]).write(to: URL(filePath: path))
        let tomorrow = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 + 86_400).rounded())
        try FileManager.default.setAttributes([.modificationDate: tomorrow], ofItemAtPath: path)
        let service = try await open("end:\(1 << 30)")
        let name = try #require(ObjectName("a"))
        let old = try await service.get(name, nil, version: nil).version
        _ = try await service.put(name, Body([2]))
        #expect(try await service.get(name, nil, version: nil).version != old)
    }

    @Test func `an upload whose right was lost meanwhile gets no name`() async throws {
        let clock = Locked(Duration.zero)
        let timing = Timing(now: { 0 }, uptime: { clock.read { $0 } })
        let values = try SFTPServer.settings(ofMode: "end:\(1 << 30)", memory: Scratch.current, path: Scratch.current)
        let content = try await Subject.open("sftp", values, timing: timing, gate: GateOfOne())
        let service = try #require(content.objects)
        let name = try #require(ObjectName("kept/a"))
        let body = Body([1]).through { stream in
            clock.change { $0 = .seconds(2) }
            return stream
        }
        let error = await error { () async throws(StorageError) in _ = try await service.put(name, body) }
        #expect(error?.code == .superseded)
        #expect(try FileManager.default.contentsOfDirectory(atPath: Scratch.current + "/kept") == [])
    }

    @Test func `bytes keep to the rate of the backend both ways`() async throws {
        let clock = Locked(Duration.zero)
        let timing = Timing(
            now: { 0 },
            uptime: { clock.read { $0 } },
            sleep: { wait in clock.change { $0 += wait } },
            random: { 0 }
        )
        let values = try SFTPServer.settings(ofMode: "end:\(1 << 30)", memory: Scratch.current, path: Scratch.current)
        let content = try await Subject.open("sftp", values, rate: 256 << 10, timing: timing)
        let service = try #require(content.objects)
        let name = try #require(ObjectName("a"))
        _ = try await service.put(name, Body(sampleBytes(1 << 20)))
        #expect(clock.read { $0 } == .seconds(4))
        _ = try await collect(try await service.read(name), limit: 1 << 20)
        #expect(clock.read { $0 } == .seconds(8))
    }

    @Test func `an upload that broke off goes on where it stopped`() async throws {
        let root = Scratch.current + "/root"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let service = try await open("end:\(9 << 20)", retries: 1, path: root)
        let name = try #require(ObjectName("a/b.car"))
        let bytes = sampleBytes(12 << 20)
        _ = try await service.put(name, Body(bytes))
        #expect(try Data(contentsOf: URL(filePath: root + "/a/b.car")) == Data(bytes))
        #expect(try FileManager.default.contentsOfDirectory(atPath: root + "/a") == ["b.car"])
        // What a session brought is noted when it has ended; the second one is open still.
        #expect(try await holds { sent().count == 1 })
        #expect(sent()[0] > 8 << 20)
    }

    @Test func `what a stopped upload left is compared before it is gone on with`() async throws {
        let root = Scratch.current + "/root"
        try FileManager.default.createDirectory(atPath: root + "/a", withIntermediateDirectories: true)
        let bytes = sampleBytes(9 << 20)
        var left = Array(bytes[..<(6 << 20)])
        left[5 << 20] ^= 1
        try Data(left).write(to: URL(filePath: root + "/a/.b.car.0.\(bytes.count).part"))
        do {
            let service = try await open("end:\(1 << 30)", path: root)
            _ = try await service.put(try #require(ObjectName("a/b.car")), Body(bytes))
        }
        #expect(try Data(contentsOf: URL(filePath: root + "/a/b.car")) == Data(bytes))
        #expect(try await holds { sent().count == 1 })
        // The bytes before the wrong one were not sent again.
        #expect((4 << 20...(4 << 20) + 100_000).contains(sent().first ?? 0), "\(sent())")
    }

    private func sent() -> [Int] {
        let text = (try? String(contentsOfFile: Scratch.current + "/bytes", encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { Int($0) }
    }

    @Test func `a server may give less than it was asked for`() async throws {
        let service = try await open("short")
        let name = try #require(ObjectName("a"))
        let bytes = sampleBytes(300_000)
        _ = try await service.put(name, Body(bytes))
        #expect(try await collect(try await service.read(name), limit: 1 << 20) == bytes)
        #expect(
            try await collect(try await service.read(name, 1500..<9001), limit: 1 << 20) == Array(bytes[1500..<9001])
        )
    }

    @Test func `a server that gives more than it was asked for is not believed`() async throws {
        try Data(sampleBytes(5000)).write(to: URL(filePath: Scratch.current + "/a"))
        let service = try await open("more")
        let name = try #require(ObjectName("a"))
        let error = await error { () async throws(StorageError) in
            _ = try await collect(try await service.read(name), limit: 1 << 20)
        }
        #expect(error?.code == .unexpected)
    }

    @Test func `what a server writes shows no secret`() async throws {
        let secret = "what-nobody-may-see"
        var values = try SFTPServer.settings(ofMode: "text:\(secret)", memory: Scratch.current, path: Scratch.current)
        values["password"] = .text(secret)
        let service = try #require(try await Subject.open("sftp", values, retries: 0).objects)
        let name = try #require(ObjectName("a"))
        let error = await error { () async throws(StorageError) in _ = try await service.stat(name) }
        #expect(error?.code == .unexpected)
        #expect(error?.message.contains("start-up file") == true)
        #expect(error?.message.contains(secret) == false)
    }

    @Test func `what stopped uploads left is cleared, and what the next goes on with may stay`() async throws {
        let left = [".a.car.0.9000000.part", ".a.car.12.34.part", ".b.car.12.34.part", ".a.car.x.part", "a.car"]
        for name in left { try Data([1]).write(to: URL(filePath: Scratch.current + "/" + name)) }
        let service = try await open("end:\(1 << 30)")
        let name = try #require(ObjectName("a.car"))
        func names() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: Scratch.current).filter { $0.contains(".car") }.sorted()
        }
        try await service.clear(name, mayResume: true)
        #expect(try names() == left.filter { $0 != left[1] }.sorted())
        try await service.clear(name, mayResume: false)
        #expect(try names() == left.dropFirst(2).sorted())
    }

    @Test(arguments: ["posix-rename", "nothing"])
    func `a folder in the place of an object is not replaced`(_ lacked: String) async throws {
        let folder = Scratch.current + "/a"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let service = try await open(lacked == "nothing" ? "end:\(1 << 30)" : "without:\(lacked)")
        let name = try #require(ObjectName("a"))
        let error = await error { () async throws(StorageError) in _ = try await service.put(name, Body([1])) }
        #expect(error?.code == .exists)
        #expect(try FileManager.default.attributesOfItem(atPath: folder)[.type] as? FileAttributeType == .typeDirectory)
    }

    @Test(arguments: ["posix-rename", "fsync", "limits", "statvfs"])
    func `what a server lacks is done without`(_ feature: String) async throws {
        let root = Scratch.current + "/root"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let service = try await open("without:\(feature)", path: root)
        let name = try #require(ObjectName("a/b"))
        for count in [300_000, 300_000, 10] {
            let bytes = sampleBytes(count, seed: UInt64(count))
            _ = try await service.put(name, Body(bytes))
            #expect(try await collect(try await service.read(name), limit: 1 << 20) == bytes)
        }
        #expect(
            try await holds { try FileManager.default.contentsOfDirectory(atPath: root + "/a") == ["b"] },
            "the old file lies beside the new one"
        )
        let usage = try await service.usage(mayWalk: true)
        #expect(usage.used == 10)
        #expect((usage.free == nil) == (feature == "statvfs"))
    }
}

/// Admits one change.
private struct GateOfOne: ChangeGate {
    private let isOpen = Locked(true)

    func admit(_ change: Change) async throws(StorageError) {
        let isFirst = isOpen.change { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        guard isFirst else { throw StorageError(.superseded, "The right was lost.") }
    }
}
