import Foundation
import Samples
import TestKit
import Testing

/// What is out of step, and what a sync does about it.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct BackendStateTests {
    @Test func oneBackendsFailureDoesNotStopAnother() async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(5000))
        let bad = try await user.createDisk("bad")
        try await user.createDisk("good")
        try FileManager.default.removeItem(atPath: bad)
        try write([1], to: bad)
        let sync = try await user.json("sync", code: 6)
        #expect(sync.backends[0].status == .text("failed") && sync.backends[1].uploaded.int == 1)
        #expect(try await user.dirty() == ["bad"])
        #expect(try await user.json("whereis", root).mappings.items.map(\.backend_name.text) == ["good"])
        try FileManager.default.removeItem(atPath: bad)
        try FileManager.default.createDirectory(atPath: bad, withIntermediateDirectories: true)
        try await user.run("sync")
        #expect(try await user.dirty().isEmpty)
    }

    /// A sync that may not do everything says what is left, and the next one goes on.
    @Test func aSyncThatIsBoundedSaysWhatIsLeft() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        for number in 0..<5 { try await user.add(sampleBytes(100_000, seed: UInt64(number)), name: "f\(number)") }
        let none = try await user.json("sync", "--max-duration", "0s", code: 8)
        #expect(none.backends[0].uploaded.int == 0 && none.backends[0].not_tried.int == 5)
        let first = try await user.run("sync", "--max-transfer", "250KB", code: 8)
        #expect(first.text.contains("3 roots are left") && first.text.contains("ipfs-kit sync disk"), "\(first.text)")
        let second = try await user.json("sync", "--max-transfer", "250KB", code: 8).backends[0]
        #expect(second.uploaded.int == 2 && second.not_tried.int == 1 && second.error.kind == .text("limit"))
        #expect(second.bytes_uploaded.int ?? .max <= 250_000 && second.snapshot != .null)
        #expect(
            try await user.json("sync", "--max-transfer", "1GB", "--max-duration", "1h").backends[0].uploaded.int == 1
        )
        // The same command goes on: the bound is part of the hint. Where nothing was done, no snapshot is left.
        #expect(
            none.backends[0].error.hint.values
                == .object(["names": .list([.text("disk")]), "max_duration": .number(0)])
        )
        #expect(none.backends[0].snapshot == .null && none.backends[0].error.may_retry == .flag(true))
        try await user.run("sync", "--max-transfer", "1MB", "--dry-run")
        let wrong = try await user.run("sync", "--max-duration", "soon", code: 2)
        #expect(wrong.errorText.contains("is not a length of time"))
    }

    /// What did not change costs nothing: neither requests nor files.
    @Test func aBackendInStepIsLeftAlone() async throws {
        let user = try await User.ready()
        try await user.createDisk("one")
        try await user.add(sampleBytes(5000))
        try await user.run("sync")
        func index() throws -> [UInt64?] {
            try ["pin_mappings.parquet", "pin_mappings.car"].map { name in
                let file = try FileManager.default.attributesOfItem(atPath: "\(user.home)/backends/one/\(name)")
                return (file[.systemFileNumber] as? NSNumber)?.uint64Value
            }
        }
        let before = try index()
        try await user.createDisk("two")
        let sync = try await user.json("sync").backends.items
        #expect(sync.map(\.status.text) == ["clean", "synced"] && sync.map { $0.calls.int == 0 } == [true, false])
        #expect(try index() == before)
    }

    @Test func oneBrokenFileDoesNotStopAnother() async throws {
        let user = try await User.ready()
        try await user.add(sampleBytes(5000))
        try await user.createDisk("good")
        try write(Array("type: s3\nenabled: [x\n".utf8), to: user.home + "/backend_configs/bad.yaml")
        let sync = try await user.json("sync", code: 6)
        #expect(
            sync.backends[0].error.message.text?.contains("bad.yaml:") == true && sync.backends[1].uploaded.int == 1
        )
        let list = try await user.json("backend", "list")
        #expect(list.backends.items.count == 1 && list.warnings.items.count == 1)
        #expect(list.broken[0].name == .text("bad") && list.broken[0].error.kind == .text("usage"), "\(list)")
    }

    @Test func everyChangeOfPinsMarks() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        try await user.run("sync")
        let root = try await user.add(sampleBytes(100))
        #expect(try await user.json("backend", "dirty").dirty[0].state.reason == .text("add"))
        try await user.run("sync")
        #expect(try await user.dirty().isEmpty)
        try await user.run("pin", "rm", root)
        #expect(try await user.json("backend", "dirty").dirty[0].state.reason == .text("pin rm"))
        try await user.run("sync")
        try await user.run("pin", "add", root)
        #expect(try await user.json("backend", "dirty").dirty[0].state.reason == .text("pin add"))
        try await user.run("sync")
        try await user.run("backend", "mark-dirty", "disk", "--reason", "because")
        let state = try await user.json("backend", "dirty").dirty[0].state
        #expect(state.reason == .text("because") && state.generation.int ?? 0 > state.synced_generation.int ?? 0)
        #expect(try await user.run("backend", "dirty").text.contains("because"))
    }

    @Test func aMarkDuringASyncSurvivesIt() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let slow = FaultyProxy.Rule.hang.on("PUT", path: ".car", times: 1...1)
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [slow])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--timeout", "2")
        try await user.add(sampleBytes(1000, seed: 1), name: "one")
        let sync = try Running(user, "sync", "--json")
        // Before its first content a sync announces the home, and plans once more.
        try await sync.wait { try await proxy.count("PUT", path: "/cars/") > 0 }
        let later = try await user.add(sampleBytes(1000, seed: 2), name: "two")
        #expect(await sync.end() == 0, "\(sync.output) \(sync.errors)")
        #expect(try await user.dirty() == ["cloud"])
        let second = try await user.json("sync")
        #expect(second.backends[0].uploaded.int == 1)
        #expect(try await user.dirty().isEmpty)
        #expect(try await user.json("whereis", later).mappings[0].status == .text("stored"))
    }

    @Test func twoSyncsOfOneBackendDoNotMeet() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await proxy.set([.hang.on("PUT")], for: "stop")
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint)
        try await user.add(sampleBytes(1000))
        let first = try Running(user, "sync")
        try await first.wait { try await proxy.count("PUT") > 0 }
        let second = try await user.json("sync", code: 11)
        #expect(second.backends[0].error.message.text?.contains("cloud") == true)
        // The lease of a killed process does not keep others out.
        first.signal(SIGKILL)
        #expect(await first.end() == 128 + 9)
        try await proxy.clear("stop")
        try await user.run("sync")
        #expect(try await user.dirty().isEmpty)
    }

    @Test func whatIsThereAlreadyIsAdopted() async throws {
        var first = try await User.ready("first")
        var second = try await User.ready("second")
        let bucket = try await Bucket.make()
        for user in [first, second] {
            for index in 0..<4 { try await user.add(sampleBytes(3000, seed: UInt64(index)), name: "f\(index)") }
        }
        try await first.createS3("cloud", bucket)
        try await second.createS3("cloud", bucket)
        #expect(try await first.json("sync").backends[0].uploaded.int == 4)
        let sync = try await second.json("sync")
        #expect(sync.backends[0].uploaded.int == 0 && sync.backends[0].adopted.int == 4)
        #expect(try await second.json("verify").backends[0].whole.int == 4)
    }

    @Test func aKilledSyncGoesOn() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        // All but one of the uploads pass; that one never ends.
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [.hang.on("PUT", times: 6...6)])
        for index in 0..<8 { try await user.add(sampleBytes(3000, seed: UInt64(index)), name: "f\(index)") }
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--max-connections", "2")
        let sync = try Running(user, "sync")
        try await sync.wait { try await proxy.count("PUT") >= 8 }
        sync.signal(SIGKILL)
        _ = await sync.end()
        let arrived = try await bucket.names().count { $0.hasSuffix(".car") && !$0.hasPrefix("kits/") }
        let second = try await user.json("sync")
        #expect((second.backends[0].uploaded.int ?? 0) <= 8 - arrived)
        #expect(try await bucket.names().count { $0.hasSuffix(".car") && !$0.hasPrefix("kits/") } == 8)
        #expect(try await user.json("verify").backends[0].whole.int == 8)
    }

    @Test func anotherPlaceUnderTheOldNameIsSuspicious() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await user.add(sampleBytes(1000))
        try await user.run("sync")
        try FileManager.default.moveItem(atPath: disk, toPath: disk + ".away")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        try await user.add(sampleBytes(1000, seed: 2), name: "other")
        let refused = try await user.run("sync", code: 12)
        #expect((refused.text + refused.errorText).contains("ipfs-kit sync --force disk"))
        #expect(try Trees.files(in: disk).isEmpty)
        #expect(try await user.dirty() == ["disk"])
        let forced = try await user.json("sync", "--force", "disk")
        #expect(forced.backends[0].uploaded.int == 2)
        #expect(try await user.json("verify").backends[0].whole.int == 2)
    }

    @Test func onlyPruneRemoves() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let gone = try await user.add(sampleBytes(1000))
        let kept = try await user.add(sampleBytes(1000, seed: 2), name: "kept")
        let claimed = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
        try write([1], to: disk + "/claimed.car")
        try await user.run("backend", "pin", "add", "disk", claimed, "claimed.car")
        try await user.run("sync")
        try await user.run("pin", "rm", gone)
        try await user.run("sync")
        #expect(try await user.json("whereis", gone).mappings[0].status == .text("stored"))
        let plan = try await user.json("sync", "--prune", "--dry-run")
        #expect(plan.work[0].steps.items.map(\.cid.text) == [gone])
        #expect(try await user.json("sync", "--prune").backends[0].removed.int == 1)
        try await user.run("whereis", gone, code: 4)
        let left = try Trees.files(in: disk).filter { !$0.hasPrefix("kits/") }
        #expect(left.count == 2 && left.contains("claimed.car") && left.contains { $0.contains(kept) })
    }

    @Test func allBackendsAreMarkedAtOnce() async throws {
        let user = try await User.ready()
        try await user.createDisk("a")
        try await user.createDisk("b")
        try await user.run("sync")
        #expect(try await user.dirty() == [])
        try await user.run("backend", "disable", "b")
        let marked = try await user.json("backend", "mark-dirty", "--all", "--reason", "a check")
        #expect(marked.dirty.items.map(\.state.reason) == [.text("a check"), .text("a check")], "\(marked)")
        #expect(try await user.dirty() == ["a", "b"])
        try await user.run("backend", "mark-dirty", code: 2)
        try await user.run("backend", "mark-dirty", "a", "--all", code: 2)
    }
}
