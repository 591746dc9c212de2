import Digests
import Foundation
import Samples
import Schema
import Storage
import TestKit
import Testing

/// Uploads and reads that break off and go on, and files that take the place of others.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(2))) struct FTPChangeTests: FTPTrial {
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
