import Catalog
import Foundation
import Multiformats
@testable import Operations
import Replication
import Schema
import TestKit
import Testing

/// What a recovery brings back is what the kit had last, and what it says of that is so.
@Suite(.scratch) struct RecoveryTests {
    private func recover(_ sample: KitSample, _ values: [String: FieldValue] = [:]) async throws -> Recover.Output {
        try await sample.run(Recover.self, ["from": .text("disk")].merging(values) { $1 })
    }

    private func pins(_ sample: KitSample) async throws -> [String: String] {
        let pins = try await sample.again.catalog().pins()
        return Dictionary(uniqueKeysWithValues: pins.map { ($0.cid.description, $0.name) })
    }

    private func pin(_ sample: KitSample, _ root: String, name: String) async throws {
        try await sample.run(PinAdd.self, ["cids": .list([root]), "name": .text(name)])
    }

    @Test(arguments: [true, false]) func `what the home that came after it gave up stays given up`(
        isForgotten: Bool
    ) async throws {
        let first = try await KitSample()
        let disk = try await first.disk("disk")
        let root = try await first.add("a")
        let kept = try await first.add("b")
        try await first.run(Sync.self)
        let second = try await KitSample("second")
        try await second.disk("disk", at: disk)
        _ = try await recover(second)
        if isForgotten {
            let own = try await first.again.identity().instance
            try await second.run(BackendPeers.self, ["name": .text("disk")])
            try await second.run(BackendPeersForget.self, ["id": .text(own)])
        }
        try await second.run(PinRemove.self, ["cids": .list([root])])
        try await second.run(Sync.self, ["prune": .flag(true)])
        // A prune takes what was known of the root with it; the other home's snapshot has the pin still.
        if !isForgotten {
            try FileManager.default.removeItem(atPath: "\(disk)/cars/\(root).car")
            try await second.again.catalog().forget(root, on: "disk")
        }
        try await second.add("c")
        try await second.run(Sync.self)
        // The first home's snapshots cannot be read in that moment.
        let own = try await first.again.identity()
        let left = "\(disk)/kits/\(own.kit)"
        let names = try Trees.files(in: left).filter { $0.hasSuffix("-\(own.instance).car") }
        for name in names {
            try FileManager.default.moveItem(atPath: "\(left)/\(name)", toPath: "\(disk)/\(name).away")
        }
        let third = try await KitSample("third")
        try await third.disk("disk", at: disk)
        _ = try await recover(third)
        let pins = try await pins(third)
        #expect(pins[root] == nil && pins[kept] != nil)
        // And whoever recovers from that one knows it, too.
        for name in names {
            try FileManager.default.moveItem(atPath: "\(disk)/\(name).away", toPath: "\(left)/\(name)")
        }
        try await third.add("d")
        try await third.run(Sync.self)
        let fourth = try await KitSample("fourth")
        try await fourth.disk("disk", at: disk)
        _ = try await recover(fourth)
        #expect(try await self.pins(fourth)[root] == nil)
    }

    @Test func `what an older snapshot says of a root gives it its name back`() async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("disk")
        let root = try await sample.add("a")
        try await pin(sample, root, name: "precious")
        try await sample.run(Sync.self)
        // The home went back in time: its newest snapshot says nothing of the root.
        try await sample.again.catalog().forgetAll(root)
        try await sample.add("b")
        try await sample.run(Sync.self)
        let second = try await KitSample("second")
        try await second.disk("disk", at: disk)
        let output = try await recover(second)
        #expect(try await pins(second)[root] == "precious")
        #expect(!output.warnings.contains { $0.contains("without names") }, "\(output.warnings)")
        // One that was pinned without a name gets it as well, and one that has another keeps that.
        for (name, expected) in [("", "precious"), ("mine", "mine")] {
            let third = try await KitSample("third\(name)")
            try await third.disk("disk", at: disk)
            let known = Pin(cid: try CID(root), name: name, createdAt: try third.kit.catalog().time)
            try await third.again.catalog().addPins([known], reason: "test")
            let output = try await recover(third)
            #expect(try await pins(third)[root] == expected && output.namedPins == (name.isEmpty ? 1 : 0))
        }
    }

    /// Both have the pin; what was said of it later counts, but for fewer replicas.
    @Test(arguments: [true, false]) func `what was said later of a pin counts`(isLater: Bool) async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("disk")
        let root = try await sample.add("a", replicas: 2)
        try await pin(sample, root, name: "later")
        try await sample.run(Sync.self)
        for replicas in [1, 3] {
            let second = try await KitSample("second \(replicas)")
            try await second.disk("disk", at: disk)
            let time = Timestamp(milliseconds: isLater ? 1 : 4_000_000_000_000)
            let known = Pin(cid: try CID(root), name: "earlier", replicas: replicas, createdAt: time)
            try await second.again.catalog().addPins([known], reason: "test")
            let output = try await recover(second, ["metadata_only": .flag(true)])
            #expect(output.namedPins == (isLater ? 1 : 0))
            let pin = try #require(try await second.again.catalog().pin(try CID(root)))
            #expect(pin.name == (isLater ? "later" : "earlier"))
            #expect(pin.replicas == (isLater && replicas == 1 ? 2 : replicas))
        }
    }

    /// One of two disks was away when a root was unpinned, and has an older snapshot of the home that was lost.
    @Test func `what was unpinned before the newest snapshot is not news on another disk`() async throws {
        let sample = try await KitSample()
        let disks = [try await sample.disk("disk"), try await sample.disk("away")]
        let (gone, kept) = (try await sample.add("a"), try await sample.add("b"))
        try await sample.run(Sync.self)
        try await sample.run(PinRemove.self, ["cids": .list([gone])])
        try await sample.run(Sync.self, ["names": .list(["disk"])])
        let second = try await KitSample("second")
        for (name, disk) in zip(["disk", "away"], disks) { try await second.disk(name, at: disk) }
        _ = try await recover(second)
        #expect(try await second.run(Sync.self).exitCode == .ok)
        let output = try await recover(second, ["from": .text("away")])
        #expect(output.newPins == 0 && output.warnings.contains { $0.contains("gave up") })
        #expect(try await Array(pins(second).keys) == [kept])
    }

    /// The home was recovered from one disk, its owner unpinned something, and then the other disk turned up.
    @Test(arguments: [true, false], [true, false]) func `what was unpinned here stays so on another disk`(
        isSynced: Bool,
        hasSnapshot: Bool
    ) async throws {
        let sample = try await KitSample()
        let disks = [try await sample.disk("disk"), try await sample.disk("away")]
        let (gone, kept) = (try await sample.add("a"), try await sample.add("b"))
        try await sample.run(Sync.self)
        let news = try await sample.add("c")
        try await sample.run(Sync.self, ["names": .list(["away"])])
        let second = try await KitSample("second")
        try await second.disk("disk", at: disks[0])
        _ = try await recover(second)
        try await second.run(PinRemove.self, ["cids": .list([gone])])
        if isSynced { try await second.run(Sync.self) }
        if !hasSnapshot { try FileManager.default.removeItem(atPath: disks[1] + "/kits") }
        try await second.run(BackendEnable.self, ["name": .text("away")])
        let output = try await recover(second, ["from": .text("away")])
        #expect(output.newPins == 1 && output.warnings.contains { $0.contains(gone) }, "\(output.warnings)")
        #expect(try await Set(pins(second).keys) == [kept, news])
        // Unless it is asked for, or was changed elsewhere later.
        if let snapshot = output.snapshot {
            _ = try await recover(second, ["from": .text("away"), "snapshot": .text(snapshot)])
        } else {
            try await second.run(PinAdd.self, ["cids": .list([gone])])
        }
        #expect(try await second.again.catalog().unpinned().isEmpty)
        #expect(try await Set(pins(second).keys) == [gone, kept, news])
        try await second.run(PinRemove.self, ["cids": .list([gone])])
        try await pin(sample, gone, name: "again")
        try await sample.run(CatalogAccept.self)
        try await sample.run(Sync.self, ["names": .list(["disk"])])
        _ = try await recover(second)
        #expect(try await pins(second)[gone] == "again")
    }

    @Test func `what a snapshot says of a root that is not listed is a claim`() async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("disk")
        let (gone, kept) = (try await sample.add("a"), try await sample.add("b"))
        try await sample.run(Sync.self)
        try FileManager.default.removeItem(atPath: "\(disk)/cars/\(gone).car")
        let second = try await KitSample("second")
        try await second.disk("disk", at: disk)
        _ = try await recover(second, ["metadata_only": .flag(true)])
        let mappings = try await second.again.catalog().mappings(on: "disk")
        let states = Dictionary(uniqueKeysWithValues: mappings.map { ($0.cid.description, $0.status) })
        #expect(states == [gone: .pending, kept: .stored])
    }

    @Test func `a damaged snapshot that was passed over holds nothing back`() async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("disk")
        try await sample.add("a")
        try await sample.run(Sync.self)
        try await sample.add("b")
        let newest = try #require(try await sample.run(Sync.self).results.first?.report?.snapshot)
        try write([1, 2, 3], to: disk + "/" + newest)
        let second = try await KitSample("second")
        try await second.disk("disk", at: disk)
        let output = try await recover(second)
        #expect(output.exitCode == .partlyFailed && output.lostSnapshots == [newest])
        try await second.add("c")
        #expect(try await second.run(Sync.self).exitCode == .ok)
    }

    /// The newest snapshot on the one disk is damaged, and that on the other has the name of a pin.
    @Test func `a snapshot that knows a name is not overlaid by a home that does not`() async throws {
        let sample = try await KitSample()
        let disks = [try await sample.disk("disk"), try await sample.disk("other")]
        try await sample.add("a")
        try await sample.run(Sync.self)
        let root = try await sample.add("b")
        try await pin(sample, root, name: "precious")
        for result in try await sample.run(Sync.self).results where result.backend == "disk" {
            try write([1, 2, 3], to: disks[0] + "/" + (try #require(result.report?.snapshot)))
        }
        let second = try await KitSample("second")
        for (name, disk) in zip(["disk", "other"], disks) { try await second.disk(name, at: disk) }
        #expect(try await recover(second).exitCode == .partlyFailed)
        #expect(try await pins(second)[root] == "")
        let held = try await second.run(Sync.self)
        #expect(held.results.first { $0.backend == "other" }?.failure?.code == .refused)
        _ = try await recover(second, ["from": .text("other")])
        #expect(try await pins(second)[root] == "precious")
        #expect(try await second.run(Sync.self).exitCode == .ok)
    }

    @Test func `a snapshot that was named is taken with what later ones say of the rest`() async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("disk")
        let first = try await sample.add("a")
        let old = try #require(try await sample.run(Sync.self).results.first?.report?.snapshot)
        let (kept, gone) = (try await sample.add("b"), try await sample.add("c"))
        try await sample.run(Sync.self)
        try await sample.run(PinRemove.self, ["cids": .list([gone])])
        try await sample.run(Sync.self)
        let second = try await KitSample("second")
        try await second.disk("disk", at: disk)
        let output = try await recover(second, ["snapshot": .text(old)])
        #expect(try await pins(second) == [first: "a", kept: "b"], "\(output.warnings)")
        #expect(!output.warnings.contains { $0.contains("without names") })
    }

    /// One home salvaged a root without a name, and another one, which had pinned it, unpinned it.
    @Test func `a root of which nobody said anything overrules no word`() async throws {
        let first = try await KitSample()
        let disk = try await first.disk("disk")
        let root = try await first.add("a")
        try await first.run(Sync.self)
        let left = disk + "/kits/" + (try await first.again.identity().kit)
        for name in try Trees.files(in: left) where name.hasSuffix(".car") {
            try FileManager.default.removeItem(atPath: left + "/" + name)
        }
        try await first.run(PinRemove.self, ["cids": .list([root])])
        let second = try await KitSample("second")
        try await second.disk("disk", at: disk)
        _ = try await recover(second)
        let salvaged = try #require(try await second.again.catalog().pin(try CID(root)))
        #expect(salvaged.changedAt == nil && salvaged.createdAt.milliseconds > 0)
        // The disk has what that one left, and it is of the same kit for once.
        try await second.again.catalog().replace("kit_id", try await first.again.identity().kit)
        try await second.run(Sync.self)
        try await first.run(CatalogAccept.self)
        let output = try await recover(first)
        #expect(try await pins(first).isEmpty, "\(output.warnings)")
    }

    @Test func `what was unpinned here and is not in the snapshot that was named stays so`() async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("disk")
        let first = try await sample.add("a")
        let old = try #require(try await sample.run(Sync.self).results.first?.report?.snapshot)
        let gone = try await sample.add("b")
        try await sample.run(Sync.self)
        let second = try await KitSample("second")
        try await second.disk("disk", at: disk)
        _ = try await recover(second)
        try await second.run(PinRemove.self, ["cids": .list([first, gone])])
        let output = try await recover(second, ["snapshot": .text(old)])
        #expect(try await Array(pins(second).keys) == [first], "\(output.warnings)")
        #expect(output.warnings.contains { $0.contains("unpinned here since") && $0.contains(gone) })
    }

    @Test func `what an earlier recovery pinned and did not bring is brought`() async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("disk")
        let root = try await sample.add("a")
        try await sample.add("b")
        try await sample.run(Sync.self)
        let second = try await KitSample("second")
        try await second.disk("disk", at: disk)
        _ = try await recover(second, ["metadata_only": .flag(true)])
        try await sample.run(PinRemove.self, ["cids": .list([root])])
        try await sample.run(Sync.self)
        let output = try await recover(second)
        #expect(output.content?.restored.count == 2)
    }

    @Test func `of several kits the owner says which was lost`() async throws {
        let (one, other) = (try await KitSample("one"), try await KitSample("other"))
        let disk = try await one.disk("disk")
        try await other.disk("disk", at: disk)
        let root = try await one.add("a")
        try await one.run(Sync.self)
        try await other.add("b")
        try await other.run(Sync.self)
        let fresh = try await KitSample("fresh")
        try await fresh.disk("disk", at: disk)
        let error = await #expect(throws: KitError.self) { _ = try await recover(fresh) }
        let kit = try await one.again.identity().kit
        #expect(error?.code == .refused && error?.message.contains(kit) == true)
        _ = try await recover(fresh, ["kit": .text(kit)])
        #expect(try await Array(pins(fresh).keys) == [root])
        // Who has pins is of one of them already.
        _ = try await recover(one)
    }
}

extension Catalog {
    /// Forgets what is known of a root on a backend, as a prune does.
    fileprivate func forget(_ root: String, on backend: String) async throws {
        _ = try await forgetMapping(try CID(root), of: backend)
    }

    /// Forgets everything about a root, as a catalog of before it was added does.
    fileprivate func forgetAll(_ root: String) async throws {
        _ = try await removePins([try CID(root)], reason: "test")
        try await forget(root, on: "disk")
    }
}
