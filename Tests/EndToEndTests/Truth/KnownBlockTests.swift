import Foundation
import Samples
import TestKit
import Testing

/// Known is not readable: what is acknowledged is there, also where the store had it before and has lost it since.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct KnownBlockTests {
    enum Rot: CaseIterable { case flipped, cut, packLost }

    /// What happens to the pack that holds everything.
    private func rot(_ rot: Rot, _ user: User) throws {
        let pack = try user.packs()[0]
        switch rot {
        case .flipped: try flip(pack, at: 60_000)
        case .cut: try write(Array(bytes(at: pack).prefix(50_000)), to: pack)
        case .packLost: try FileManager.default.removeItem(atPath: pack)
        }
    }

    /// The good content comes again, by any of the ways in which content comes.
    @Test(arguments: Rot.allCases, ["add", "add --no-copy", "dag import", "block put", "dag import of a part"])
    func whatComesAgainIsStoredAgain(_ rot: Rot, how: String) async throws {
        let user = try await User.ready()
        let content = sampleBytes(100_000)
        let root = try await user.add(content)
        try await user.run("dag", "export", root, "--output", user.folder + "/x.car")
        try self.rot(rot, user)
        let file = user.folder + "/file"
        switch how {
        case "add": try await user.run("add", file)
        case "add --no-copy": try await user.run("add", "--no-copy", file)
        case "dag import": try await user.run("dag", "import", user.folder + "/x.car")
        case "block put": try await user.run("block", "put", file)
        // Another root, below which the same block stands.
        default:
            let other = try await User.ready("other")
            try await other.shell("mkdir '\(other.folder)/d' && cp '\(file)' '\(other.folder)/d/again'")
            let folder = try await other.run("add", "-Q", other.folder + "/d").cid
            try await other.run("dag", "export", folder, "--output", other.folder + "/y.car")
            try await user.run("dag", "import", other.folder + "/y.car")
        }
        #expect(try await user.content(root) == content)
        #expect(try await user.json("status").pins_not_whole.int == 0)
        try await user.run("store", "rebuild-index")
        #expect(try await user.content(root) == content)
    }

    /// Whoever finds damage, it is out of the index at once, and told until it is mended.
    @Test(arguments: ["cat", "dag export", "store verify", "sync", "restore --full", "pin add"])
    func damageThatWasFoundIsTold(_ how: String) async throws {
        let user = try await User.ready()
        let content = sampleBytes(100_000)
        let root = try await user.add(content)
        try await user.createDisk("disk")
        try flip(try user.packs()[0], at: 60_000)
        let words = how.split(separator: " ").map(String.init)
        let named = ["cat", "dag export", "pin add"].contains(how) ? words + [root] : words
        let found = try await user.attempt(how == "dag export" ? named + ["-o", user.folder + "/x"] : named)
        if how != "pin add" {
            #expect(found.code == 10 || how.hasPrefix("restore") && found.code != 0, "\(found.code)")
        }
        if how != "pin add" {
            #expect(try await user.json("status").pins_not_whole.int == 1, "\(how)")
            // And who is asked to keep it does not say yes.
            try await user.run("pin", "rm", root)
            #expect(try await user.attempt(["pin", "add", root]).code != 0)
        }
        try await user.run("add", user.folder + "/file")
        #expect(try await user.content(root) == content)
        let status = try await user.json("status")
        #expect(status.pins_not_whole.int == 0 && status.damaged_blocks.int == 0)
    }

    /// A file that was added where it is, and has moved or changed, is replaced by where it is now.
    @Test(arguments: ["moved", "changed", "gone"]) func aReferenceFollowsItsFile(_ what: String) async throws {
        let user = try await User.ready()
        let content = sampleBytes(300_000)
        let file = user.folder + "/file"
        try write(content, to: file)
        let added = try await user.run("add", "--no-copy", "-Q", file).cid
        switch what {
        case "moved": try FileManager.default.moveItem(atPath: file, toPath: user.folder + "/elsewhere")
        case "changed":
            try FileManager.default.copyItem(atPath: file, toPath: user.folder + "/elsewhere")
            try flip(file)
        default:
            try FileManager.default.removeItem(atPath: file)
            try write(content, to: user.folder + "/elsewhere")
        }
        #expect(try await user.attempt(["cat", added]).code == 10)
        let words = what == "gone" ? ["add"] : ["add", "--no-copy"]
        #expect(try await user.attempt(words + [user.folder + "/elsewhere"]).code == 0)
        #expect(try await user.content(added) == content)
        try await user.createDisk("disk")
        try await user.run("sync")
        #expect(try await user.json("verify").backends[0].whole.int == 1)
    }

    // MARK: The index

    enum Damage: CaseIterable { case cut, header, tables, middle, empty, garbage, swapped }

    /// The command that makes the index again needs nothing of it, and neither does reading what is sound.
    @Test(arguments: Damage.allCases) func theIndexIsMadeAgainFromThePacksAlone(_ damage: Damage) async throws {
        let user = try await User.ready()
        let content = sampleBytes(5000)
        let root = try await user.add(content)
        try await user.shell(
            "mkdir '\(user.folder)/t'; cd '\(user.folder)/t'; for i in $(seq 600); do echo $i > $i; done"
        )
        let tree = try await user.run("add", "-Q", user.folder + "/t").cid
        let last = try await user.add(sampleBytes(70, seed: 3), name: "last")
        let segments = try user.segments()
        let segment = segments[0]
        switch damage {
        case .cut: try write(Array(bytes(at: segment).prefix(100)), to: segment)
        case .header: try flip(segment, at: 10)
        case .tables: try flip(segment, at: bytes(at: segment).count - 5)
        case .middle: try flip(segment)
        case .empty: try write([], to: segment)
        case .garbage: try write(sampleBytes(9000, seed: 8), to: segment)
        case .swapped: for path in segments.dropFirst() { try write(bytes(at: path), to: segment) }
        }
        let isChanged = damage != .swapped || segments.count > 1
        let read = try await user.attempt(["cat", root])
        #expect(
            read.code == 0 ? [UInt8](read.output) == content : read.errorText.contains("ipfs-kit store rebuild-index")
        )
        if isChanged { #expect(try await user.attempt(["store", "verify"]).code == 10) }
        try await user.run("store", "rebuild-index")
        for cid in [root, last] { try await user.run("cat", cid) }
        try await user.run("dag", "export", tree, "-o", user.folder + "/t.car")
        try await user.run("store", "verify")
        try await user.run("gc", "--waste", "0")
        #expect(try await user.content(root) == content)
    }
}
