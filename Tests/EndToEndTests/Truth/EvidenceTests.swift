import Foundation
import IPLD
import Multiformats
import Samples
import TestKit
import Testing

/// What was observed gives way only to what was observed later: not to claims, old snapshots, or attempts that failed.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct EvidenceTests {
    /// A user with a root that a directory holds, and the path of the copy.
    private func stored() async throws -> (user: User, root: String, copy: String) {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(50_000))
        try await user.run("sync")
        return (user, root, "\(disk)/cars/\(root).car")
    }

    // MARK: Recovery

    enum Newer: CaseIterable { case damaged, gone, storedAnew }

    /// The snapshot says of each copy that it is stored; the home has looked since.
    @Test(arguments: Newer.allCases)
    func recoveryTakesNoOldMappingOverANewerOne(_ newer: Newer) async throws {
        let (user, root, copy) = try await stored()
        try await user.add(sampleBytes(100, seed: 2), name: "other")
        try await user.run("sync")
        switch newer {
        case .damaged: try flip(copy)
        case .gone: try FileManager.default.removeItem(atPath: copy)
        case .storedAnew: break
        }
        try await user.run("verify", code: newer == .storedAnew ? 0 : 10)
        let known = try await user.mapping(root, on: "disk")
        try await user.run("recover", "--from", "disk")
        #expect(try await user.mapping(root, on: "disk") == known)
        try await user.run("sync")
        #expect(try await user.json("verify").backends[0].whole.int == 2)
    }

    @Test func recoveryLeavesNewerPinsAndSettingsAlone() async throws {
        let (user, root, _) = try await stored()
        try await user.createDisk("more")
        try await user.run("pin", "add", root, "--name", "renamed", "--replicas", "1")
        try await user.run("backend", "update", "disk", "--description", "mine", "--bandwidth-limit", "7MB")
        try await user.run("backend", "disable", "more")
        let pins = try await user.json("pin", "ls")
        let files = try ["disk", "more"].map { try bytes(at: "\(user.home)/backend_configs/\($0).yaml") }
        let dry = try await user.json("recover", "--from", "disk", "--dry-run")
        #expect(dry.new_pins.int == 0 && dry.new_backends.items.isEmpty)
        try await user.run("recover", "--from", "disk")
        #expect(try await user.json("pin", "ls") == pins)
        #expect(try ["disk", "more"].map { try bytes(at: "\(user.home)/backend_configs/\($0).yaml") } == files)
    }

    /// Of a backend that the home has under the same name, but that was not read, a snapshot only claims.
    @Test func recoveryBelievesNothingOfAnotherPlaceOfTheSameName() async throws {
        let (user, root, _) = try await stored()
        try await user.createDisk("more")
        try await user.run("sync")
        try await user.add(sampleBytes(100, seed: 2), name: "other")
        try await user.run("sync")
        let fresh = try await User.ready("fresh")
        try await fresh.run("backend", "create", "disk", "filesystem", "--path", user.folder + "/disk")
        try await fresh.createDisk("more")
        try await fresh.run("recover", "--from", "disk", "--metadata-only")
        #expect(try await fresh.mapping(root, on: "disk")?.status == .text("stored"))
        #expect(try await fresh.mapping(root, on: "more")?.status != .text("stored"))
        // So the one on the disk is known for the only one that anybody saw.
        try await fresh.run("backend", "remove", "disk", "--dry-run", code: 12)
        try await fresh.run("restore")
        #expect(try await fresh.json("sync").backends.items.map(\.uploaded.int) == [0, 2])
    }

    // MARK: Attempts

    enum Lack: CaseIterable { case onlyMetadata, damagedPack, lostPacks }

    /// The store cannot give the content; that says nothing of the copies.
    @Test(arguments: Lack.allCases)
    func whatTheStoreLacksIsNotForgottenElsewhere(_ lack: Lack) async throws {
        let (first, root, copy) = try await stored()
        var user = first
        switch lack {
        case .onlyMetadata:
            user = try await User.ready("fresh")
            try await user.run("backend", "create", "disk", "filesystem", "--path", first.folder + "/disk")
            try await user.run("recover", "--from", "disk", "--metadata-only")
        case .damagedPack: try flip(try user.packs()[0])
        case .lostPacks: for pack in try user.packs() { try FileManager.default.removeItem(atPath: pack) }
        }
        try await user.run("backend", "mark-dirty", "disk")
        for words in [["sync"], ["sync", "--force"], ["sync", "--prune"]] {
            _ = try await user.attempt(words)
            #expect(try await user.mapping(root, on: "disk")?.status == .text("stored"), "\(words)")
            try await user.run("backend", "remove", "disk", "--dry-run", code: 12)
        }
        #expect(FileManager.default.fileExists(atPath: copy))
        // Whoever only looks a root up finds what is lost, too.
        let restored = try await user.json("restore")
        #expect(restored.restored.items.map(\.cid.text) == [root], "\(restored)")
        #expect(try await user.content(root) == sampleBytes(50_000))
    }

    // MARK: Claims

    enum Before: CaseIterable { case nothing, stored, damaged, gone }

    /// Somebody says where a copy is: before anything was seen, and after.
    @Test(arguments: Before.allCases, [false, true])
    func aClaimHidesNothing(_ before: Before, isRight: Bool) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(50_000))
        let copy = "\(disk)/cars/\(root).car"
        if before != .nothing { try await user.run("sync") }
        if before == .damaged { try flip(copy) }
        if before == .gone { try FileManager.default.removeItem(atPath: copy) }
        if before == .damaged || before == .gone { try await user.run("verify", code: 10) }
        let known = try await user.mapping(root, on: "disk")
        if isRight { try await user.run("dag", "export", root, "--output", disk + "/mine.car") }
        try await user.run("backend", "pin", "add", "disk", root, "mine.car")
        let claimed = try await user.mapping(root, on: "disk")
        if let known, before != .gone {
            #expect(claimed?.status == known.status && claimed?.verified_at == known.verified_at)
            #expect(claimed?.car_file_path == known.car_file_path)
        } else {
            // That it may be at another place than where it is missing is worth a look, and nothing more.
            #expect(claimed?.status == .text("pending"))
        }
        // What a pin wants and nobody saw is wanted still.
        let steps = try await user.json("sync", "--dry-run").work[0].steps.items
        #expect(steps.map(\.action) == (before == .stored ? [] : [.text("upload")]))
        // Without the store, the copy that is whole is found, whoever knew of it.
        for pack in try user.packs() { try FileManager.default.removeItem(atPath: pack) }
        let isWhole = before == .stored || isRight
        let restore = try await user.attempt(["restore", root])
        #expect((restore.code == 0) == isWhole, "\(restore.text)")
        if isWhole { #expect(try await user.content(root) == sampleBytes(50_000)) }
    }

    /// What is claimed is read before it is believed.
    @Test(arguments: ["whole", "absent", "damaged", "of another root", "without its leaf", "no archive"])
    func aClaimIsWhatVerifySees(_ what: String) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let leaf = Block(codec: .raw, bytes: sampleBytes(3000))
        let node = Block(codec: .dagCBOR, bytes: try Node.list([.link(leaf.cid)]).cbor())
        let root = Block(codec: .dagCBOR, bytes: try Node.list([.link(node.cid)]).cbor())
        let path = disk + "/somewhere.car"
        switch what {
        case "whole": try archive([root, node, leaf], root.cid, path)
        case "damaged":
            try archive([root, node, leaf], root.cid, path)
            try flip(path)
        case "of another root": try archive([node, leaf], node.cid, path)
        // The node is there, under a codec that has no links.
        case "without its leaf": try archive([root, Block(codec: .raw, bytes: node.bytes)], root.cid, path)
        case "no archive": try write(Array("<html>Please log in</html>".utf8), to: path)
        default: break
        }
        try await user.run("backend", "pin", "add", "disk", "\(root.cid)", "somewhere.car")
        let row = try await user.json("verify", code: what == "whole" ? 0 : 10).backends[0]
        #expect(row.whole.int == (what == "whole" ? 1 : 0) && row.missing.int == (what == "absent" ? 1 : 0))
        let status = ["whole": "stored", "absent": "missing"][what] ?? "corrupt"
        #expect(try await user.mapping("\(root.cid)", on: "disk")?.status == .text(status))
        // Nothing that was not whole is handed out as if it were.
        #expect(
            try await user.attempt(["restore", "\(root.cid)"]).code == (what == "whole" ? 0 : what == "absent" ? 4 : 10)
        )
    }

    private func archive(_ blocks: [Block], _ root: CID, _ path: String) throws {
        let archive = try ArchiveVerdictTests.archive(blocks, roots: [root])
        try FileManager.default.moveItem(atPath: archive, toPath: path)
    }

    @Test func whoReadNothingHasVerifiedNothing() async throws {
        let user = try await User.ready()
        try await user.run("verify", code: 4)
        try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(1000))
        let nothing = try await user.run("verify", code: 4)
        #expect(nothing.text.contains("Nothing was read") && nothing.text.contains("Run: ipfs-kit sync"))
        try await user.run("verify", "--cid", root, code: 4)
        try await user.run("verify", "--sample", "3", code: 4)
        try await user.run("verify", "disk", code: 4)
        try await user.run("sync")
        try await user.run("backend", "disable", "disk")
        #expect(try await user.attempt(["verify"]).code != 0)
        try await user.run("verify", "disk")
    }
}
