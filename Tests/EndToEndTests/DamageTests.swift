import Foundation
import Samples
import TestKit
import Testing

/// Damage to what is kept: it is found, told, and healed from where the content is whole.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct DamageTests {
    @Test func damageOnABackendIsFoundAndHealed() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        var roots: [String] = []
        for index in 0..<6 {
            roots.append(try await user.add(sampleBytes(400_000 + index, seed: UInt64(index)), name: "f\(index)"))
        }
        try await user.run("sync")
        let listed = try await user.json("backend", "pin", "list", "disk").mappings.items
        let paths = try roots.map { root in
            disk + "/" + (try #require(listed.first { $0.cid.text == root }?.car_file_path.text))
        }
        var flipped = try bytes(at: paths[0])
        flipped[flipped.count / 2] ^= 0x40
        try write(flipped, to: paths[0])
        try write(Array(try bytes(at: paths[1]).dropLast(1)), to: paths[1])
        let (left, right) = (try bytes(at: paths[2]), try bytes(at: paths[3]))
        try write(right, to: paths[2])
        try write(left, to: paths[3])
        try FileManager.default.removeItem(atPath: paths[4])

        let verify = try await user.json("verify", code: 10)
        let backend = verify.backends[0]
        #expect(backend.whole.int == 1 && backend.corrupt.int == 4 && backend.missing.int == 1)
        let damaged = backend.damaged.items.compactMap(\.cid.text)
        #expect(Set(damaged) == Set(roots[..<5]))
        #expect(try await user.dirty() == ["disk"])
        #expect(try await user.json("whereis", roots[0]).mappings[0].status == .text("corrupt"))
        #expect(try await user.json("whereis", roots[4]).mappings[0].status == .text("missing"))
        #expect(try await user.json("sync").backends[0].uploaded.int == 5)
        #expect(try await user.json("verify").backends[0].whole.int == 6)
        #expect(try await user.dirty().isEmpty)
    }

    @Test func damageInTheStoreIsNotHandedOut() async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(3_000_000))
        let other = try await user.add(sampleBytes(2000, seed: 5), name: "other")
        try await user.createDisk("disk")
        try await user.run("sync")
        let pack = try #require(Trees.files(in: user.home + "/store/packs").first { $0.hasSuffix(".car") })
        var content = try bytes(at: user.home + "/store/packs/" + pack)
        content[1_500_000] ^= 1
        try write(content, to: user.home + "/store/packs/" + pack)
        for command in ["cat", "dag export", "get"] {
            let words = command.split(separator: " ").map(String.init)
            let output = command == "get" ? ["--output", user.folder + "/got"] : []
            let result = try await user.attempt(words + [root] + output)
            #expect(result.code == 10, "\(command): \(result.errorText)")
            #expect(result.errorText.contains("Run: ipfs-kit restore "), "\(command): \(result.errorText)")
        }
        #expect(try await user.run("cat", other).output.count == 2000)
        try await user.run("restore", root)
        #expect(try [UInt8](await user.run("cat", root).output) == sampleBytes(3_000_000))
    }

    @Test func damageInTheStoreIsNotReplicated() async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(3_000_000))
        let disk = try await user.createDisk("disk")
        let pack = try #require(Trees.files(in: user.home + "/store/packs").first { $0.hasSuffix(".car") })
        var content = try bytes(at: user.home + "/store/packs/" + pack)
        content[1_500_000] ^= 1
        try write(content, to: user.home + "/store/packs/" + pack)
        let result = try await user.run("sync", code: 10)
        #expect(result.text.contains(root) && result.text.contains("ipfs-kit restore"), "\(result.text)")
        #expect(try Trees.files(in: disk).allSatisfy { $0.hasPrefix("kits/") })
        #expect(try await user.dirty() == ["disk"])
    }

    @Test func withoutAnyReplicaRestoreSaysSo() async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(3000))
        let disk = try await user.createDisk("disk")
        try await user.run("sync")
        for pack in try Trees.files(in: user.home + "/store") {
            try FileManager.default.removeItem(atPath: user.home + "/store/" + pack)
        }
        let path = try #require(try await user.json("whereis", root).mappings[0].car_file_path.text)
        let content = try bytes(at: disk + "/" + path)
        try write(Array(content.dropLast(5)), to: disk + "/" + path)
        let failed = try await user.run("restore", code: 10)
        #expect(failed.text.contains(root) && failed.text.contains("disk"))
        try write(content, to: disk + "/" + path)
        try await user.run("restore")
        #expect(try [UInt8](await user.run("cat", root).output) == sampleBytes(3000))
    }

    @Test func lostIndexesAreMadeAgain() async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(600_000))
        try FileManager.default.removeItem(atPath: user.home + "/store/index")
        #expect(try [UInt8](await user.run("cat", root).output) == sampleBytes(600_000))
    }

    @Test func aDamagedSnapshotGivesWayToAnOlderOne() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let first = try await user.add(sampleBytes(1000), name: "first")
        try await user.run("sync")
        let second = try await user.add(sampleBytes(1000, seed: 2), name: "second")
        try await user.run("sync")
        let newest = try #require(Trees.files(in: disk).filter { $0.hasPrefix("kits/") && $0.hasSuffix(".car") }.max())
        var content = try bytes(at: disk + "/" + newest)
        content[content.count / 2] ^= 1
        try write(content, to: disk + "/" + newest)
        let fresh = try await User.ready("fresh")
        try await fresh.run("backend", "create", "disk", "filesystem", "--path", disk)
        // What only the newest knew comes back by its content, without its name: that is a loss, and is told as one.
        let recovered = try await fresh.json("recover", "--from", "disk", code: 6)
        #expect(recovered.warnings.items.contains { $0.text?.contains("damaged") == true })
        #expect(recovered.lost_snapshots.items.map(\.text) == [newest])
        #expect(try await fresh.pins() == [first, second].sorted())
        let names = try await fresh.json("pin", "ls").pins.items.map { $0.name.text ?? "" }
        #expect(Set(names) == ["", "first"])
        // Without any snapshot, the roots alone come back; a home that knows the place asks whether it is the one that
        // it was.
        try FileManager.default.removeItem(atPath: disk + "/kits")
        try await fresh.run("recover", "--from", "disk", code: 12)
        let newer = try await User.ready("newer")
        try await newer.run("backend", "create", "disk", "filesystem", "--path", disk)
        try await newer.run("recover", "--from", "disk")
        #expect(try await newer.pins() == [first, second].sorted())
    }
}
