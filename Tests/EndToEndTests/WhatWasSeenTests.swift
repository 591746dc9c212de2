import Foundation
import IPLD
import Multiformats
import Samples
import TestKit
import Testing

/// What a command saw is written down and said, by that command and by all others.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct WhatWasSeenTests {
    /// Flips a bit of the only block in a store.
    private func damageStore(of user: User) throws {
        let pack = user.home + "/store/packs/000001.car"
        var content = try bytes(at: pack)
        content[content.count / 2] ^= 1
        try write(content, to: pack)
    }

    @Test func aCopyThatRestoreDoesNotFindIsMissing() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(3000))
        try await user.run("sync")
        try damageStore(of: user)
        try FileManager.default.removeItem(atPath: "\(disk)/cars/\(root).car")
        #expect(try await user.attempt(["restore", "--full"]).code != 0)
        #expect(try await user.json("whereis", root).mappings[0].status == .text("missing"))
        #expect(try await user.json("status").pins_without_replica.int == 1)
        #expect(try await user.attempt(["sync"]).code != 0)
    }

    /// A disk that is not mounted looks empty, and nobody takes it for that.
    @Test(arguments: [
        ("sync", 12), ("verify", 12), ("restore --full", 6), ("recover --from disk", 12),
        ("recover --from disk --dry-run", 12), ("backend peers disk", 12), ("snapshot list disk", 12),
        ("snapshot prune disk", 12), ("backend test disk", 12), ("backend certify disk", 12),
    ])
    func aDiskThatIsNotMountedSaysNothing(_ command: String, _ code: Int) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(3000))
        try await user.run("sync")
        // Something that has to be looked for there.
        try damageStore(of: user)
        try await user.add(sampleBytes(10), name: "more")
        try FileManager.default.moveItem(atPath: disk, toPath: disk + ".away")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        let result = try await user.attempt(command.split(separator: " ").map(String.init))
        #expect(result.code == code, "\(result.text)\(result.errorText)")
        #expect((result.text + result.errorText).contains("may not be mounted"))
        #expect(try Trees.files(in: disk).isEmpty)
        #expect(try await user.json("whereis", root).mappings[0].status == .text("stored"))
    }

    @Test func settingsThatWereEditedByHandPutABackendOutOfStep() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await user.add(sampleBytes(3000))
        try await user.run("sync")
        let file = user.home + "/backend_configs/disk.yaml"
        let text = String(decoding: try bytes(at: file), as: UTF8.self)
        try FileManager.default.createDirectory(atPath: disk + "2", withIntermediateDirectories: true)
        try write(Array(text.replacing("path: \(disk)", with: "path: \(disk)2").utf8), to: file)
        #expect(try await user.run("sync", code: 12).text.contains("disk"))
        #expect(try Trees.files(in: disk + "2").isEmpty)
        #expect(try await user.dirty() == ["disk"])
        // Another comment leads nowhere else.
        try write(Array(("# mine\n" + text).utf8), to: file)
        try await user.run("sync")
        try write(Array(text.utf8), to: file)
        #expect(try await user.json("sync").backends[0].status == .text("clean"))
    }

    /// Whoever syncs before recovering leaves a snapshot of an empty home, which is the newest then.
    @Test func anEmptyHomeDoesNotRecoverFromItself() async throws {
        let lost = try await User.ready("lost")
        let disk = try await lost.createDisk("disk")
        let root = try await lost.add(sampleBytes(3000), name: "mine")
        try await lost.run("sync")
        let user = try await User.ready("new")
        try await user.run("backend", "create", "disk", "filesystem", "--path", disk)
        try await user.run("sync")
        let plan = try await user.json("recover", "--from", "disk", "--dry-run")
        let done = try await user.json("recover", "--from", "disk")
        #expect(done.new_pins.int == 1 && plan.new_pins == done.new_pins && plan.mapping_count == done.mapping_count)
        #expect(try await user.json("pin", "ls").pins[0].name == .text("mine"))
        #expect(try [UInt8](await user.run("cat", root).output) == sampleBytes(3000))
        // What is here already is taken over by nobody.
        #expect(try await user.json("recover", "--from", "disk", "--dry-run").mapping_count.int == 0)
    }

    @Test func noEntryOfADirectoryIsLeftOut() async throws {
        let user = try await User.ready()
        let files = ["one", "other"].map { Block(codec: .raw, bytes: Array($0.utf8)) }
        let links = files.map { PBLink(cid: $0.cid, name: Array("a".utf8), tsize: UInt64($0.bytes.count)) }
        let folder = Block(codec: .dagPB, bytes: PBNode(links: links, data: [8, 1]).encoded())
        var car = CARHeader(roots: [folder.cid]).encoded
        for block in [folder] + files {
            car += CARSection.prefix(for: block.cid, length: block.bytes.count) + block.bytes
        }
        try write(car, to: user.folder + "/twice.car")
        try await user.run("dag", "import", user.folder + "/twice.car")
        #expect(
            try await user.json("ls", "\(folder.cid)").entries.items.map(\.cid.text) == files.map(\.cid.description)
        )
        for command in [["get", "\(folder.cid)"], ["car", "extract", user.folder + "/twice.car"]] {
            let result = try await user.attempt(command + ["--output", user.folder + "/out"])
            #expect(result.code == 12 && result.errorText.contains("two of the name “a”"), "\(result.errorText)")
            #expect(!FileManager.default.fileExists(atPath: user.folder + "/out"))
        }
    }

    @Test func standardInputIsReadOnce() async throws {
        let user = try await User.ready()
        for command in ["add - -", "block put - -", "dag import - -"] {
            let result = try await user.attempt(command.split(separator: " ").map(String.init), input: [1])
            #expect(result.code == 2, "\(command): \(result.errorText)")
        }
        #expect(try await user.pins().isEmpty)
    }
}
