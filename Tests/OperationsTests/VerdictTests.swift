import Catalog
import Foundation
import Multiformats
@testable import Operations
import Replication
import Schema
import Storage
import TestKit
import Testing

/// What a command ends with says what was done, and nothing better.
@Suite(.scratch) struct VerdictTests {
    @Test func `a sync that could not make the wanted replicas has done a part`() async throws {
        let sample = try await KitSample()
        try await sample.disk("one")
        try await sample.add("a")
        #expect(try await sample.run(Sync.self).exitCode == .ok)
        try await sample.add("b", replicas: 2)
        #expect(try await sample.run(Sync.self, ["dry_run": .flag(true)]).exitCode == .ok)
        #expect(try await sample.run(Sync.self).exitCode == .partlyFailed)
        try await sample.disk("two")
        #expect(try await sample.run(Sync.self).exitCode == .ok)
    }

    /// That two names are one place is found out while something is stored under both.
    @Test func `what a second name of a place was to take goes elsewhere in the same sync`() async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("one")
        try await sample.disk("other")
        try await sample.add("first")
        #expect(try await sample.run(Sync.self).exitCode == .ok)
        try await sample.disk("twin", at: disk)
        for number in 0..<12 { try await sample.add("\(number)", replicas: 1) }
        #expect(try await sample.run(Sync.self).exitCode == .ok)
        #expect(try await sample.again.catalog().unprotectedPins().isEmpty)
        #expect(try await sample.run(Sync.self).results.allSatisfy { $0.report?.wasClean == true })
    }

    @Test func `a sync of which one backend failed has done a part, and of which all failed nothing`() async throws {
        let sample = try await KitSample()
        let bad = try await sample.disk("bad")
        try await sample.add("a")
        try FileManager.default.removeItem(atPath: bad)
        #expect(try await sample.run(Sync.self).exitCode == .temporary)
        try await sample.disk("good")
        #expect(try await sample.run(Sync.self).exitCode == .partlyFailed)
    }

    @Test func `a verification that read nothing has found nothing`() async throws {
        let sample = try await KitSample()
        try await sample.disk("one")
        #expect(try await sample.run(Verify.self).exitCode == .notFound)
        let root = try await sample.add("a")
        try await sample.run(Sync.self)
        #expect(try await sample.run(Verify.self).exitCode == .ok)
        // What lies behind a link is nobody's answer.
        let folder = URL(filePath: try await sample.archive(root, on: "one")).deletingLastPathComponent()
        let aside = URL(filePath: sample.folder + "/aside")
        try FileManager.default.moveItem(at: folder, to: aside)
        try FileManager.default.createSymbolicLink(atPath: aside.path + "/../one/cars", withDestinationPath: aside.path)
        #expect(try await sample.run(Verify.self).exitCode == .usage)
    }

    @Test(arguments: [true, false]) func `damage on one backend is the verdict on all`(isPinned: Bool) async throws {
        let sample = try await KitSample()
        try await sample.disk("one")
        try await sample.disk("two")
        let root = try await sample.add("a")
        try await sample.run(Sync.self)
        if !isPinned { try await sample.run(PinRemove.self, ["cids": .list([root])]) }
        let archive = try await sample.archive(root, on: "two")
        var content = try bytes(at: archive)
        content[content.count - 1] ^= 1
        try write(content, to: archive)
        #expect(try await sample.run(Verify.self).exitCode == .verification)
        #expect(try await sample.status(root, on: "two") == .corrupt)
    }

    @Test func `the state of a store that lost something is no good one`() async throws {
        let sample = try await KitSample()
        try await sample.add("a")
        #expect(try await sample.run(Status.self).exitCode == .ok)
        let packs = sample.again.home.store + "/packs/"
        let pack = packs + (try #require(try Trees.files(in: packs).first))
        try write(Array(try bytes(at: pack).dropLast(3)), to: pack)
        #expect(try await sample.run(Status.self).exitCode == .verification)
    }

    @Test func `a recovery by an older snapshot, or of a part, is one of a part`() async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("one")
        let first = try await sample.add("a")
        try await sample.run(Sync.self)
        try await sample.add("b")
        let newest = try #require(try await sample.run(Sync.self).results.first?.report?.snapshot)
        let archive = try await sample.archive(first, on: "one")
        let whole = try bytes(at: disk + "/" + newest)

        let second = try await KitSample("second")
        try await second.disk("one", at: disk)
        var damaged = whole
        damaged[damaged.count / 2] ^= 1
        try write(damaged, to: disk + "/" + newest)
        let metadata = try await second.run(Recover.self, ["from": .text("one"), "metadata_only": .flag(true)])
        #expect(metadata.lostSnapshots == [newest] && metadata.exitCode == .partlyFailed)
        // Everything that the backend holds is pinned then.
        #expect(metadata.pins == 2)

        try write(whole, to: disk + "/" + newest)
        try FileManager.default.removeItem(atPath: archive)
        let content = try await second.run(Restore.self)
        #expect(content.restored.count == 1 && content.failed.count == 1 && content.exitCode == .partlyFailed)
        let third = try await KitSample("third")
        try await third.disk("one", at: disk)
        #expect(try await third.run(Recover.self, ["from": .text("one")]).exitCode == .partlyFailed)
    }

    // MARK: What a snapshot says of backends

    /// A root that was stored on `one` and `two`, and a new home that has only `one`.
    private func lostHome() async throws -> (root: String, second: KitSample) {
        let sample = try await KitSample()
        let disk = try await sample.disk("one")
        try await sample.disk("two")
        let root = try await sample.add("a")
        // One after the other, so that the snapshot on the second knows what was stored on the first.
        for name in ["two", "one"] { try await sample.run(Sync.self, ["names": .list([name])]) }

        let second = try await KitSample("second")
        try await second.disk("one", at: disk)
        return (root, second)
    }

    @Test func `settings out of a snapshot are used when the owner says so, and not before`() async throws {
        let (root, second) = try await lostHome()
        let output = try await second.run(Recover.self, ["from": .text("one"), "metadata_only": .flag(true)])
        #expect(output.backends == ["two"] && output.keptBackends == ["one"])
        let file = try second.again.backend("two")
        #expect(!file.isEnabled && file.isFromSnapshot)
        // Nobody here has seen what is there.
        #expect(try await second.status(root, on: "two") == .pending)
        // Not even where it is named.
        #expect(try await second.run(Verify.self, ["names": .list(["two"])]).exitCode == .refused)
        #expect(try await second.run(Sync.self).results.map(\.backend) == ["one"])
        try await second.run(BackendEnable.self, ["name": .text("two")])
        #expect(try await second.run(Verify.self, ["names": .list(["two"])]).exitCode == .ok)
    }

    @Test func `of another backend with the same name a snapshot's word is a claim`() async throws {
        let (root, second) = try await lostHome()
        try await second.disk("two")
        let output = try await second.run(Recover.self, ["from": .text("one")])
        #expect(output.exitCode == .ok && output.keptBackends == ["one", "two"])
        #expect(try await second.status(root, on: "one") == .stored)
        #expect(try await second.status(root, on: "two") == .pending)
        #expect(try await second.run(Sync.self).exitCode == .ok)
        #expect(try await second.status(root, on: "two") == .stored)
        #expect(FileManager.default.fileExists(atPath: try await second.archive(root, on: "two")))
    }
}

extension KitSample {
    private func mapping(_ root: String, on backend: String) async throws -> Mapping {
        let mappings = try await again.catalog().mappings(of: [try CID(root)])
        return try #require(mappings.first { $0.backend == backend })
    }

    /// What is known of a root on a backend.
    fileprivate func status(_ root: String, on backend: String) async throws -> Mapping.Status {
        try await mapping(root, on: backend).status
    }

    /// The file of a root on a backend that is a folder.
    fileprivate func archive(_ root: String, on backend: String) async throws -> String {
        let path = try #require(try again.backend(backend).settings["path"]).text
        return path + "/" + (try await mapping(root, on: backend).path)
    }
}
