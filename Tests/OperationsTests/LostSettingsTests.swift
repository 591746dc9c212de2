import Catalog
import Foundation
import Multiformats
@testable import Operations
import Replication
import Schema
import TestKit
import Testing

/// What no setting leads to counts for nothing, and comes back with the settings.
@Suite(.scratch) struct LostSettingsTests {
    enum Slip: CaseIterable { case gone, unreadable, unset, elsewhere }

    /// What is told of a root on the second backend.
    private func known(_ root: String, _ sample: KitSample) async throws -> Mapping.Status? {
        try await sample.run(WhereIs.self, ["cid": .text(root)]).mappings.first { $0.backend == "two" }?.status
    }

    @Test(arguments: Slip.allCases) func `a replica counts where the settings lead to it`(_ slip: Slip) async throws {
        let sample = try await KitSample()
        try await sample.disk("one")
        let other = try await sample.disk("two")
        let root = try await sample.add("a")
        try await sample.run(Sync.self)
        let path = sample.kit.home.backendFile("two")
        let settings = try bytes(at: path)
        switch slip {
        case .gone: try FileManager.default.removeItem(atPath: path)
        case .unreadable: try write(Array("type: filesystem\nname: two\nconfig:\n  pathh: x\n".utf8), to: path)
        case .unset:
            let text = String(decoding: settings, as: UTF8.self)
            try write(Array(text.replacing("path: \(other)", with: "path: ${NOT_SET}").utf8), to: path)
        case .elsewhere:
            try FileManager.default.createDirectory(atPath: other + "2", withIntermediateDirectories: true)
            try await sample.run(
                BackendUpdate.self,
                ["name": .text("two"), "settings": .list(["path=\(other)2"])]
            )
        }
        #expect(try await known(root, sample) == .unknown)
        if slip != .elsewhere, slip != .gone {
            // Who asks for one root is not told of others.
            let other = try await sample.add("besides")
            let seen = try await sample.run(Verify.self, ["cid": .text(root)])
            let row = try #require(seen.rows.first { $0.backend == "two" })
            #expect(row.results.map(\.mapping.cid.description) == [root] && row.chosen.count == 1)
            try await sample.run(PinRemove.self, ["cids": .list([other])])
        }
        let refused = await #expect(throws: KitError.self) {
            try await sample.run(BackendRemove.self, ["name": .text("one")])
        }
        #expect(refused?.code == .refused)
        let status = try await sample.run(Status.self)
        #expect(slip == .elsewhere || slip == .unset || (status.report.warnings.contains { $0.contains("two.yaml") }))
        // What was seen elsewhere is no matter of this backend.
        if slip == .elsewhere {
            try FileManager.default.copyItem(atPath: other + "/kits", toPath: other + "2/kits")
            let seen = try await sample.run(Verify.self, ["names": .list(["two"])])
            #expect(seen.exitCode == .verification)
            #expect(seen.warnings.contains { $0.contains("lead elsewhere") })
            // A restore asks there all the same, and what it misses marks nothing.
            let generation = try await sample.again.catalog().backendState("two")?.generation
            let packs = sample.kit.home.store + "/packs/"
            for name in try Trees.files(in: packs) { try FileManager.default.removeItem(atPath: packs + name) }
            #expect(try await sample.run(Restore.self, ["from": .text("two")]).exitCode == .notFound)
            #expect(try await sample.run(Restore.self).exitCode == .ok)
            #expect(try await sample.again.catalog().backendState("two")?.generation == generation)
        }
        try write(settings, to: path)
        #expect(try await known(root, sample) == .stored)
        #expect(try await sample.run(Sync.self).exitCode == .ok)
        #expect(try await sample.run(Verify.self).exitCode == .ok)
    }

    @Test func `what was seen before the first sync counts where it was seen`() async throws {
        let first = try await KitSample("first")
        let disk = try await first.disk("two")
        let root = try await first.add("a")
        try await first.run(Sync.self)
        let sample = try await KitSample()
        try await sample.disk("two", at: disk)
        try await sample.run(Recover.self, ["from": .text("two")])
        #expect(try await known(root, sample) == .stored)
        try FileManager.default.createDirectory(atPath: disk + "2", withIntermediateDirectories: true)
        try await sample.run(BackendUpdate.self, ["name": .text("two"), "settings": .list(["path=\(disk)2"])])
        #expect(try await known(root, sample) == .unknown)
    }

    @Test func `what a snapshot at another place says is a claim`() async throws {
        let first = try await KitSample("first")
        let disk = try await first.disk("two")
        let root = try await first.add("a")
        try await first.run(Sync.self)
        let sample = try await KitSample()
        let own = try await sample.disk("two")
        try await sample.add("b")
        try await sample.run(Sync.self)
        try await sample.run(BackendUpdate.self, ["name": .text("two"), "settings": .list(["path=\(disk)"])])
        // The home announced itself there, too, so that it is no strange place.
        try FileManager.default.copyItem(
            atPath: "\(own)/kits/\(try await sample.again.identity().kit)",
            toPath: "\(disk)/kits/\(try await sample.again.identity().kit)"
        )
        try await sample.run(Recover.self, ["from": .text("two"), "kit": .text(try await first.again.identity().kit)])
        try await sample.run(BackendUpdate.self, ["name": .text("two"), "settings": .list(["path=\(own)"])])
        #expect(try await known(root, sample) == .pending)
        #expect(try await sample.run(Sync.self).results.first?.report?.uploaded == 1)
    }

    @Test func `a backend without settings can be forgotten`() async throws {
        let sample = try await KitSample()
        try await sample.disk("one")
        try await sample.add("a")
        try await sample.run(Sync.self)
        try FileManager.default.removeItem(atPath: sample.kit.home.backendFile("one"))
        // It may have had the only replica.
        await #expect(throws: KitError.self) { try await sample.run(BackendRemove.self, ["name": .text("one")]) }
        try await sample.run(BackendRemove.self, ["name": .text("one"), "force": .flag(true)])
        #expect(try await sample.again.catalog().backendStates().isEmpty)
        await #expect(throws: KitError.self) { try await sample.run(BackendRemove.self, ["name": .text("one")]) }
    }

    @Test func `a home is not made in a folder of something else`() async throws {
        let folder = Scratch.current + "/photos"
        // A name that a home has too makes none of it.
        try FileManager.default.createDirectory(atPath: folder + "/config", withIntermediateDirectories: true)
        try write([1], to: folder + "/holiday.jpg")
        let kit = Kit(home: KitHome(folder, environment: { _ in nil }), environment: { _ in nil })
        let error = await #expect(throws: KitError.self) { _ = try await kit.initialise() }
        #expect(error?.code == .refused)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["config", "holiday.jpg"])
    }

    @Test func `the folder of all settings is missed, and made again`() async throws {
        let sample = try await KitSample()
        let folder = sample.kit.home.backendFiles
        try FileManager.default.removeItem(atPath: folder)
        let error = await #expect(throws: KitError.self) { try await sample.run(Status.self) }
        #expect(error?.hint?.command() == "ipfs-kit init")
        #expect(try await sample.run(Initialise.self).made == ["backend_configs"])
        try await sample.run(Status.self)
    }
}
