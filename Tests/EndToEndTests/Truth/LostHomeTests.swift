import Foundation
import Samples
import TestKit
import Testing

/// Nothing is removed where it is not certain what is pinned, and the way out is said, and leads out.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct LostHomeTests {
    enum Trouble: String, CaseIterable {
        case segmentDamaged, segmentEmpty, segmentOfAnotherStore, segmentsOlder
        case packCut, packLost
        case storeForeign, catalogForeign
        case catalogEmpty, catalogLost, catalogGarbage, catalogOlder

        /// The code with which `gc` refuses.
        var code: Int {
            switch self {
            case .storeForeign, .catalogForeign, .catalogOlder: 12
            default: 10
            }
        }
    }

    /// A home with three pinned roots on a backend, and content that no pin wants.
    private func home() async throws -> (user: User, contents: [String: [UInt8]]) {
        let user = try await User.ready()
        try await user.createDisk("disk")
        var contents: [String: [UInt8]] = [:]
        for number in 0..<3 {
            let content = sampleBytes(40_000 + number, seed: UInt64(number))
            contents[try await user.add(content, name: "f\(number)")] = content
        }
        try await user.run("sync")
        let trash = try await user.add(sampleBytes(200_000, seed: 9), name: "trash")
        try await user.run("pin", "rm", trash)
        return (user, contents)
    }

    /// Lets the trouble happen; something must have been pinned after the copy that is put back.
    private func make(_ trouble: Trouble, _ user: User, _ other: User, older: User) throws {
        let files = FileManager.default
        func replace(_ path: String, _ with: User) throws {
            try files.removeItem(atPath: user.home + path)
            try files.copyItem(atPath: with.home + path, toPath: user.home + path)
        }
        func replaceCatalog(_ with: User) throws {
            for file in try user.catalogFiles() { try files.removeItem(atPath: file) }
            for file in try with.catalogFiles() {
                try files.copyItem(atPath: file, toPath: user.home + "/" + URL(filePath: file).lastPathComponent)
            }
        }
        let segment = try user.segments()[0]
        switch trouble {
        case .segmentDamaged: try flip(segment)
        case .segmentEmpty: try write([], to: segment)
        case .segmentOfAnotherStore: try write(bytes(at: other.segments()[0]), to: segment)
        case .segmentsOlder: try replace("/store/index", older)
        case .packCut: try write(Array(bytes(at: user.packs()[0]).dropLast(100)), to: user.packs()[0])
        case .packLost: try files.removeItem(atPath: try user.packs()[0])
        case .storeForeign: try replace("/store", other)
        case .catalogForeign: try replaceCatalog(other)
        case .catalogEmpty:
            for file in try user.catalogFiles() { try files.removeItem(atPath: file) }
            try write([], to: user.home + "/catalog.sqlite")
        case .catalogLost: for file in try user.catalogFiles() { try files.removeItem(atPath: file) }
        case .catalogGarbage:
            for file in try user.catalogFiles() { try files.removeItem(atPath: file) }
            try write(sampleBytes(50_000), to: user.home + "/catalog.sqlite")
        case .catalogOlder: try replaceCatalog(older)
        }
    }

    /// What the refusals say helps.
    private func repair(_ trouble: Trouble, _ user: User, _ newest: User) async throws {
        switch trouble {
        case .segmentDamaged, .segmentEmpty, .segmentOfAnotherStore, .segmentsOlder:
            try await user.run("store", "rebuild-index")
        case .packCut, .packLost:
            // What the index led to and no pack has is told.
            try await user.run("store", "rebuild-index", code: 10)
            try await user.run("restore")
        case .storeForeign:
            try FileManager.default.removeItem(atPath: user.home + "/store")
            try FileManager.default.copyItem(atPath: newest.home + "/store", toPath: user.home + "/store")
        case .catalogForeign, .catalogEmpty, .catalogLost:
            try await user.run("init", "--new-catalog")
            try await user.run("recover", "--from", "disk")
            try await user.run("catalog", "accept")
        case .catalogGarbage:
            try FileManager.default.removeItem(atPath: user.home + "/catalog.sqlite")
            try await user.run("init", "--new-catalog")
            try await user.run("recover", "--from", "disk")
            try await user.run("catalog", "accept")
        case .catalogOlder: try await user.run("catalog", "accept")
        }
    }

    @Test(arguments: Trouble.allCases) func nothingIsRemovedUntilItIsRepaired(_ trouble: Trouble) async throws {
        var (user, contents) = try await home()
        let other = try await User.ready("other")
        try await other.add(sampleBytes(100), name: "theirs")
        let older = try user.copied("older")
        let late = try await user.add(sampleBytes(70_000, seed: 4), name: "late")
        if trouble != .catalogOlder {
            // What an older catalog does not know is not pinned in it.
            contents[late] = sampleBytes(70_000, seed: 4)
            try await user.run("sync")
        }
        let newest = try user.copied("newest")
        try make(trouble, user, other, older: older)
        let size = try Trees.size(of: user.home + "/store/packs")

        let refused = try await user.attempt(["gc", "--waste", "0"])
        #expect(refused.code == trouble.code, "\(refused.text)\(refused.errorText)")
        #expect(refused.errorText.contains("Run: ipfs-kit "), "\(refused.errorText)")
        _ = try await user.attempt(["gc", "--waste", "0"])
        #expect(try Trees.size(of: user.home + "/store/packs") == size)

        try await repair(trouble, user, newest)
        try await user.run("gc", "--waste", "0")
        #expect(try await user.pins() == contents.keys.sorted())
        for (root, content) in contents { #expect(try await user.content(root) == content, "\(root)") }
        #expect(try await user.json("status").pins_not_whole.int == 0)
        // What nobody wanted is gone now, so the way out did lead out.
        #expect(try await user.json("gc", "--waste", "0", "--dry-run").dead_blocks.int == 0)
    }

    /// Whatever is asked of a home whose catalog is lost: it is not taken for a new one.
    @Test(arguments: [Trouble.catalogEmpty, .catalogLost, .catalogForeign, .catalogOlder])
    func noCommandTakesItForAnother(_ trouble: Trouble) async throws {
        let (user, contents) = try await home()
        let other = try await User.ready("other")
        try await other.add(sampleBytes(100), name: "theirs")
        let older = try user.copied("older")
        try await user.add(sampleBytes(70_000, seed: 4), name: "late")
        try make(trouble, user, other, older: older)
        let store = try Trees.contents(of: user.home + "/store")
        let disk = try Trees.contents(of: user.folder + "/disk")
        let root = try #require(contents.keys.first)
        let file = user.folder + "/f0"
        for command in [
            "pin ls", "pin rm \(root)", "pin add \(root)", "status", "sync", "sync --prune", "verify", "restore",
            "recover --from disk", "add \(file)", "gc", "init", "whereis \(root)", "backend pin list disk",
            "catalog backup \(user.folder)/copy",
        ] where trouble == .catalogEmpty || trouble == .catalogLost || command != "init" {
            let result = try await user.attempt(command.split(separator: " ").map(String.init))
            #expect(result.code == trouble.code, "\(command): \(result.text)\(result.errorText)")
        }
        #expect(try Trees.contents(of: user.home + "/store") == store)
        #expect(try Trees.contents(of: user.folder + "/disk") == disk)
        // What needs no catalog is there for whoever wants to save it.
        #expect(try await user.content(root) == contents[root])
    }

    /// A catalog that was lost is made anew only where it is asked for, and that is said.
    @Test func aNewCatalogIsSaidToBeOne() async throws {
        let (user, _) = try await home()
        for file in try user.catalogFiles() { try FileManager.default.removeItem(atPath: file) }
        let made = try await user.run("init", "--new-catalog")
        #expect(made.text.contains("new catalog") && !made.text.contains("left as it is"), "\(made.text)")
        #expect(try await user.pins().isEmpty)
        // What the old one had pinned is known to nobody, so nothing goes before its owner says that this is all.
        let refused = try await user.run("gc", code: 12)
        let told = refused.errorText
        #expect(told.contains("recover --from NAME") && told.contains("ipfs-kit catalog accept"), "\(told)")
        try await user.run("recover", "--from", "disk")
        try await user.run("gc", code: 12)
        try await user.run("catalog", "accept")
        #expect(try await user.json("gc").live_blocks.int == 3)
        // One that belongs here is never set aside.
        try await user.run("init", "--new-catalog", code: 12)
    }

    @Test func `what the lost home left on other backends is newer only where it has a pin more`() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        try await user.createDisk("other")
        try await user.add(sampleBytes(3000), name: "one")
        // The snapshot on the second backend is some milliseconds younger.
        try await user.run("sync", "disk")
        try await user.run("sync", "other")
        try FileManager.default.removeItem(atPath: user.home)
        let again = try await User.ready()
        try await again.createDisk("disk")
        try await again.run("recover", "--from", "disk")
        try await again.run("backend", "enable", "other")
        try await again.run("sync")
        // Pinned in the meantime by a home that was thought to be lost.
        let copy = User(at: Scratch.current + "/copy")
        try FileManager.default.copyItem(atPath: again.folder, toPath: copy.folder)
        try await copy.add(sampleBytes(4000), name: "two")
        try await copy.run("sync", "other")
        try await again.add(sampleBytes(5000), name: "three")
        let report = try await again.attempt(["sync", "other"])
        #expect(report.code == 6 && report.text.contains("newer snapshot"), "\(report.text)")
        try await again.run("recover", "--from", "other")
        try await again.run("sync", "other")
    }

    @Test func `a home that was put back does not count on a copy that is gone since`() async throws {
        let user = try await User.ready()
        let (one, other) = (try await user.createDisk("a"), try await user.createDisk("b"))
        let root = try await user.add(sampleBytes(3000), name: "one")
        try await user.run("sync")
        let copy = Scratch.current + "/copy"
        try FileManager.default.copyItem(atPath: user.home, toPath: copy)
        try FileManager.default.removeItem(atPath: "\(other)/cars/\(root).car")
        try await user.run("verify", code: 10)
        try await user.run("backend", "disable", "b")
        try await user.run("sync", "--force", "a")
        try FileManager.default.removeItem(atPath: user.home)
        try FileManager.default.moveItem(atPath: copy, toPath: user.home)
        try await user.run("pin", "add", root, "--replicas", "1")
        // What it knows of copies is of another time, and one that is to be enough is looked at while the other is
        // removed.
        #expect(try await user.json("status").pins_without_replica.int == 1)
        for words in [["sync", "a", "--prune"], ["sync", "--prune"]] { _ = try await user.attempt(words) }
        let places = ["\(one)/cars/\(root).car", "\(other)/cars/\(root).car"]
        #expect(places.contains { FileManager.default.fileExists(atPath: $0) })
        #expect(try await user.json("verify", code: 10).backends.items.compactMap(\.whole.int).reduce(0, +) >= 1)
    }

    @Test func `no copy goes of a pin that the store has lost`() async throws {
        let user = try await User.ready()
        let disks = [try await user.createDisk("a"), try await user.createDisk("b"), try await user.createDisk("c")]
        let content = sampleBytes(3000)
        let root = try await user.add(content, name: "one")
        try await user.run("sync")
        try await user.run("pin", "add", root, "--replicas", "1")
        for pack in try user.packs() { try FileManager.default.removeItem(atPath: pack) }
        try await user.run("store", "rebuild-index", code: 10)
        let copies = disks.map { "\($0)/cars/\(root).car" }
        let refused = try await user.attempt(["sync", "--prune"])
        #expect(refused.code != 0 && refused.text.contains("ipfs-kit restore \(root)"), "\(refused.text)")
        #expect(copies.allSatisfy { FileManager.default.fileExists(atPath: $0) })
        try await user.run("restore")
        try await user.run("sync", "--prune")
        #expect(copies.count { FileManager.default.fileExists(atPath: $0) } == 1)
        #expect(try await user.content(root) == content)
    }

    @Test func `who recovers a home is known to the other one at once`() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(3000), name: "one")
        try await user.run("sync")
        let other = try await User.ready("other")
        try await other.run("backend", "create", "disk", "filesystem", "--path", disk)
        try await other.run("recover", "--from", "disk", "--metadata-only")
        try await user.run("pin", "rm", root)
        try await user.run("sync", "--prune", code: 12)
        #expect(try await other.json("verify").backends[0].whole.int == 1)
    }

    @Test func `what only another home of the kit had pinned is pinned again, too`() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await user.add(sampleBytes(3000), name: "one")
        try await user.run("sync")
        func open(_ name: String) async throws -> User {
            let other = try await User.ready(name)
            try await other.run("backend", "create", "disk", "filesystem", "--path", disk)
            return other
        }
        let twin = try await open("twin")
        try await twin.run("recover", "--from", "disk")
        // Each of the two goes on for itself, on its owner's word.
        let (mine, theirs) = (sampleBytes(4000), sampleBytes(5000, seed: 3))
        let own = try await user.add(mine, name: "mine")
        // What is not on the place that is left is not forgotten.
        let elsewhere = try await user.add(sampleBytes(700, seed: 8), name: "elsewhere")
        try await user.run("pin", "add", elsewhere, "--replicas", "0")
        try await user.run("sync")
        try await twin.run("catalog", "accept")
        try await twin.add(theirs, name: "theirs")
        try await twin.run("sync")
        // Somebody else is on the place: what nobody of the kit pinned is not theirs.
        let stranger = try await open("stranger")
        try await stranger.add(sampleBytes(600), name: "strange")
        try await stranger.run("sync")
        let kit = try #require(await user.json("backend", "peers", "disk").kit.text)

        let again = try await open("again")
        let recovered = try await again.json("recover", "--from", "disk", "--kit", kit, code: 6)
        #expect(recovered.pin_count.int == 4)
        #expect(try await again.json("pin", "show", elsewhere).pin.name == .text("elsewhere"))
        #expect(try await again.json("pin", "show", own).pin.name == .text("mine"))
        #expect(try await again.content(own) == mine)
    }
}
