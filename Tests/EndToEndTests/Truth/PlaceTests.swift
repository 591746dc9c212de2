import Foundation
import Samples
import TestKit
import Testing

/// A place is what it shows: one under two names counts once, and another one under the old name has nothing of the
/// old.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct PlaceTests {
    // MARK: Away

    enum Absence: CaseIterable { case gone, emptyMountPoint, linkToNowhere, file, other }

    /// The disk is not mounted, in all the ways in which that looks; nobody takes that for a loss.
    @Test(arguments: Absence.allCases) func aDiskThatIsAwayHasLostNothing(_ absence: Absence) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let roots = [try await user.add(sampleBytes(1000)), try await user.add(sampleBytes(900, seed: 2), name: "g")]
        try await user.run("sync")
        let known = try await user.json("backend", "pin", "list", "disk")
        let files = FileManager.default
        try files.moveItem(atPath: disk, toPath: disk + ".away")
        switch absence {
        case .gone: break
        case .emptyMountPoint: try files.createDirectory(atPath: disk, withIntermediateDirectories: true)
        case .linkToNowhere: try files.createSymbolicLink(atPath: disk, withDestinationPath: disk + ".nowhere")
        case .file: try write([], to: disk)
        // Somebody else's disk, with a kit of its own.
        case .other:
            let other = try await User.ready("other")
            try await other.add(sampleBytes(100, seed: 3))
            try await other.createDisk("disk")
            try await other.run("sync")
            try files.moveItem(atPath: other.folder + "/disk", toPath: disk)
        }
        let there = absence == .gone ? [:] : (try? Trees.contents(of: disk)) ?? [:]

        let verify = try await user.attempt(["verify", "--json"])
        let row = try Answer.parse(verify.text).backends[0]
        #expect(verify.code != 0 && verify.code != 10, "\(verify.code)")
        #expect(row.missing.int == 0 && row.corrupt.int == 0 && row.unknown.int == 2)
        // What was to be restored is not to be had now, which is not to say that it is not there.
        for path in try user.packs() + user.segments() { try files.removeItem(atPath: path) }
        let restore = try await user.attempt(["restore"])
        #expect([2, 5, 12].contains(restore.code), "\(restore.code) \(restore.text)")
        let more = try await user.add(sampleBytes(800, seed: 4), name: "more")
        let sync = try await user.attempt(["sync"])
        #expect(sync.code != 0, "\(sync.text)")
        #expect(try await user.attempt(["sync", "--prune"]).code != 0)
        #expect(try await user.json("backend", "pin", "list", "disk") == known)
        #expect((absence == .gone ? [:] : (try? Trees.contents(of: disk)) ?? [:]) == there)

        if absence != .gone { try files.removeItem(atPath: disk) }
        try files.moveItem(atPath: disk + ".away", toPath: disk)
        let back = try await user.json("restore")
        #expect(back.restored.items.count == 2 && back.whole.int == 1)
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int == 3)
        #expect(try await user.pins() == (roots + [more]).sorted())
    }

    // MARK: Another one under the same name

    enum Again: CaseIterable { case samePlace, otherPlace, otherType, editedByHand }

    @Test(arguments: Again.allCases) func aNewBackendHasNothingOfTheOldOne(_ again: Again) async throws {
        var user = try await User.ready()
        let disk = try await user.createDisk("place")
        let root = try await user.add(sampleBytes(1000))
        try await user.run("sync")
        let index = user.home + "/backends/place"
        #expect(FileManager.default.fileExists(atPath: index))
        if again != .editedByHand {
            try await user.run("backend", "remove", "place", code: 12)
            try await user.run("backend", "remove", "place", "--force")
            #expect(!FileManager.default.fileExists(atPath: index))
        }
        switch again {
        case .samePlace: try await user.run("backend", "create", "place", "filesystem", "--path", disk)
        case .otherPlace:
            try FileManager.default.moveItem(atPath: disk, toPath: disk + ".old")
            try await user.createDisk("place")
        case .otherType: try await user.createS3("place", try await Bucket.make())
        case .editedByHand:
            let file = user.home + "/backend_configs/place.yaml"
            let text = String(decoding: try bytes(at: file), as: UTF8.self)
            let other = disk + ".other"
            try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
            try write(Array(text.replacing(disk, with: other).utf8), to: file)
        }
        if again == .editedByHand {
            // Nobody said that it is another one: that is found, and kept apart when the owner says that it is meant.
            try await user.run("backend", "mark-dirty", "place")
            try await user.run("sync", code: 12)
            #expect(try await user.json("sync", "--force").backends[0].uploaded.int == 1)
        } else {
            #expect(try await user.mapping(root, on: "place") == nil)
            #expect(try await user.json("status").pins_without_replica.int == 1)
            let sync = try await user.json("sync").backends[0]
            #expect(sync.adopted.int == (again == .samePlace ? 1 : 0), "\(sync)")
            #expect(sync.uploaded.int == (again == .samePlace ? 0 : 1), "\(sync)")
        }
        #expect(try await user.json("verify").backends[0].whole.int == 1)
        #expect(try await user.json("status").pins_without_replica.int == 0)
    }

    /// A user whose disk is where a variable says, with a root on it.
    private func led() async throws -> (user: User, disk: String, root: String) {
        var user = try await User.ready()
        let disk = user.folder + "/disk"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        user.environment["PLACE"] = disk
        try await user.run("backend", "create", "disk", "filesystem", "--path", "${PLACE}")
        let root = try await user.add(sampleBytes(1000))
        try await user.run("sync")
        return (user, disk, root)
    }

    @Test(arguments: [true, false]) func `a place that is named otherwise is looked at`(isVariable: Bool) async throws {
        let place = try await led()
        var user = place.user
        let (disk, root) = (place.disk, place.root)
        // A copy of the disk on which the content is not.
        let other = disk + ".other"
        try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: disk + "/kits", toPath: other + "/kits")
        if isVariable {
            user.environment["PLACE"] = other
        } else {
            try await user.run("backend", "update", "disk", "--path", other)
        }
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int == 1)
        #expect(try await user.mapping(root, on: "disk")?.status == .text("stored"))
        #expect(try await user.json("sync").backends[0].status == .text("clean"))
    }

    @Test func `what is seen elsewhere talks no damage away`() async throws {
        let place = try await led()
        var user = place.user
        let (disk, root) = (place.disk, place.root)
        try FileManager.default.copyItem(atPath: disk, toPath: disk + ".other")
        try FileManager.default.removeItem(atPath: "\(disk)/cars/\(root).car")
        try await user.run("verify", code: 10)
        user.environment["PLACE"] = disk + ".other"
        try await user.run("verify")
        user.environment["PLACE"] = disk
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try Trees.files(in: disk).contains("cars/\(root).car"))
    }

    @Test func `an announcement that is a copy vouches for nothing`() async throws {
        let user = try await User.ready()
        let (disk, link) = (user.folder + "/disk", user.folder + "/link")
        let files = FileManager.default
        try files.createDirectory(atPath: disk, withIntermediateDirectories: true)
        try files.createSymbolicLink(atPath: link, withDestinationPath: disk)
        try await user.run("backend", "create", "disk", "filesystem", "--path", link)
        let root = try await user.add(sampleBytes(1000))
        try await user.run("sync")
        let before = try await calls(user, from: 20)
        // The link leads to another disk, on which somebody began to copy.
        try files.createDirectory(atPath: disk + ".other", withIntermediateDirectories: true)
        try files.copyItem(atPath: disk + "/kits", toPath: disk + ".other/kits")
        try files.removeItem(atPath: link)
        try files.createSymbolicLink(atPath: link, withDestinationPath: disk + ".other")
        try await user.add(sampleBytes(500, seed: 2), name: "more")
        #expect(try await user.json("sync").backends[0].uploaded.int == 7)
        #expect(try Trees.files(in: disk + ".other").contains("cars/\(root).car"))
        // It is this home's own again, and not looked through at each sync.
        #expect(try await calls(user, from: 3) == before)
    }

    /// How many calls a sync of one new root takes, when there are as many snapshots as stay.
    private func calls(_ user: User, from first: Int) async throws -> Int? {
        var calls: Int?
        for number in first..<first + 5 {
            try await user.add(sampleBytes(400, seed: UInt64(number)), name: "another \(number)")
            calls = try await user.json("sync").backends[0].calls.int
        }
        return calls
    }

    @Test func `a copy of a disk is another disk`() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await user.add(sampleBytes(1000))
        try await user.run("sync")
        try FileManager.default.copyItem(atPath: disk, toPath: user.folder + "/copy")
        try await user.createDisk("copy")
        let later = try await user.add(sampleBytes(900, seed: 2), name: "later")
        let sync = try await user.json("sync")
        #expect(!sync.warnings.items.contains { $0.text?.contains("same place") == true }, "\(sync)")
        #expect(sync.short_of_replicas.items.isEmpty)
        #expect(try await user.json("verify").backends.items.map(\.whole.int) == [2, 2])
        #expect(try Trees.files(in: user.folder + "/copy").contains("cars/\(later).car"))
    }

    enum Twin: CaseIterable { case mounted, led, moved }

    /// One file under two names is no reason to remove it under one of them.
    @Test(arguments: Twin.allCases) func aFileIsNoWitnessOfItsOwnRemoval(_ twin: Twin) async throws {
        let user = try await User.ready()
        let disks = [try await user.createDisk("one"), try await user.createDisk("two")]
        for disk in disks {
            try FileManager.default.createDirectory(atPath: disk + "/cars", withIntermediateDirectories: true)
        }
        func prune() async throws {
            let root = try await user.add(sampleBytes(1000))
            try await user.run("sync")
            try await user.run("pin", "add", root, "--replicas", "1")
            let plan = try await user.json("sync", "--prune", "--dry-run").work.items
            let surplus = try #require(plan.first { !$0.steps.items.isEmpty }?.backend.text)
            if twin != .mounted {
                let other = surplus == "one" ? "two" : "one"
                var path = user.folder + "/" + surplus
                if twin == .moved {
                    // All of it may be there, and nobody has looked.
                    path = user.folder + "/moved"
                    try FileManager.default.copyItem(atPath: user.folder + "/" + other, toPath: path)
                }
                try await user.run("backend", "update", other, "--path", path)
            }
            // What the settings do not lead to any more is no replica, and no reason for anything.
            try await user.run("sync", "--prune", surplus, code: twin == .mounted ? 5 : 0)
            #expect(disks.contains { FileManager.default.fileExists(atPath: "\($0)/cars/\(root).car") })
        }
        switch twin {
        case .led, .moved: try await prune()
        case .mounted:
            try await Disk.mounted(["--bind", disks[0] + "/cars"], at: disks[1] + "/cars") { _ in
                try await prune()
            }
        }
    }

    // MARK: One under two names

    enum Spelling: CaseIterable { case link, slash, dots, through, bind }

    @Test(arguments: Spelling.allCases) func onePlaceUnderTwoNamesCountsOnce(_ spelling: Spelling) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(1000))
        try await user.run("pin", "add", root, "--replicas", "2")
        let path: String
        switch spelling {
        case .link:
            path = user.folder + "/link"
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: disk)
        case .slash: path = disk + "/"
        case .dots: path = user.folder + "/./disk/../disk"
        case .through:
            try FileManager.default.createSymbolicLink(atPath: user.folder + "/up", withDestinationPath: user.folder)
            path = user.folder + "/up/disk"
        case .bind: return try await Disk.mounted(["--bind", disk]) { try await counts(user, disk, $0, root) }
        }
        try await counts(user, disk, path, root)
    }

    private func counts(_ user: User, _ disk: String, _ path: String, _ root: String) async throws {
        try await user.run("sync", code: 6)
        try await user.run("backend", "create", "two", "filesystem", "--path", path)
        for command in ["sync", "sync", "status"] {
            let answer = try await user.json(command, code: command == "sync" ? 6 : 0)
            #expect(answer.short_of_replicas.items.map(\.text) == [root])
            #expect(answer.warnings.items.contains { $0.text?.hasPrefix("two is the same place as disk") == true })
        }
        #expect(try await user.json("status").pins_short_of_replicas.int == 1)
        #expect(try await user.json("whereis", root).mappings.items.count == 1)
        #expect(try Trees.files(in: disk).count { $0.hasPrefix("cars/") } == 1)
        // A prune that wants one of two does not take the only one.
        try await user.run("pin", "add", root, "--replicas", "1")
        try await user.run("sync")
        try await user.run("sync", "--prune")
        #expect(try Trees.files(in: disk).contains("cars/\(root).car"))
        try await user.run("pin", "add", root, "--replicas", "2")
        // One of the names can go, and the other is not taken for a second copy then.
        try await user.run("backend", "remove", "two")
        try await user.run("backend", "remove", "disk", code: 12)
        let other = try await user.createDisk("other")
        let done = try await user.json("sync")
        #expect(done.short_of_replicas.items.isEmpty)
        #expect(try Trees.files(in: other).contains("cars/\(root).car"))
    }

    /// A second name of a place was the name of another one, and a root was there that is not here, nor wanted.
    @Test func `what is missing under a second name of a place is forgotten`() async throws {
        let user = try await User.ready()
        let disks = ["d0", "d1", "d2"]
        for disk in disks { try await user.createDisk(disk) }
        for number in 0..<8 {
            let path = user.folder + "/f\(number)"
            try write(sampleBytes(100, seed: UInt64(number)), to: path)
            try await user.run("add", "--replicas", "2", path)
        }
        try await user.run("sync")
        let lacking = try await user.pins().filter { root in
            !FileManager.default.fileExists(atPath: "\(user.folder)/d0/cars/\(root).car")
        }
        try #require(!lacking.isEmpty)
        for root in lacking { try await user.run("pin", "add", "--replicas", "1", root) }
        try await user.run("backend", "update", "d1", "--path", user.folder + "/d0")
        try await user.run("sync", "--force")
        try await user.run("verify", code: 10)
        try await user.run("sync")
        try await user.run("verify")
    }

    /// What cannot be brought to a place by one of its names goes there by another.
    @Test(arguments: ["named", "failing", "elsewhere"])
    func aPlaceIsInStepWhenItHasAll(_ what: String) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("one")
        try await user.run("backend", "create", "two", "filesystem", "--path", disk)
        try await user.add(sampleBytes(1000))
        try await user.run("sync")
        let root = try await user.add(sampleBytes(1000, seed: 2), name: "second")
        switch what {
        case "named": try await user.run("sync", "two")
        case "failing":
            try await user.run("backend", "update", "one", "--min-free", "900TB")
            let sync = try await user.json("sync", code: 6).backends.items
            #expect(sync.map(\.status.text) == ["failed", "synced"] && sync[1].uploaded.int == 1, "\(sync)")
        default:
            try FileManager.default.createDirectory(atPath: user.folder + "/empty", withIntermediateDirectories: true)
            try await user.run("backend", "update", "one", "--path", user.folder + "/empty")
            try await user.run("sync", code: 6)
        }
        #expect(try Trees.files(in: disk).contains("cars/\(root).car"))
        #expect(try await user.json("whereis", root).mappings.items.map(\.backend_name.text) == ["two"])
        #expect(try await user.json("sync", "two").backends[0].status == .text("clean"))
    }

    @Test func aPlaceThatNoNameReachesIsNotInStep() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("one")
        try await user.run("backend", "create", "two", "filesystem", "--path", disk)
        try await user.run("sync")
        for name in ["one", "two"] { try await user.run("backend", "update", name, "--min-free", "900TB") }
        try await user.add(sampleBytes(1000))
        let sync = try await user.json("sync", code: 8).backends.items
        #expect(sync.allSatisfy { $0.status.text != "synced" }, "\(sync)")
        #expect(try await user.dirty() == ["one", "two"])
    }

    /// Whoever looks at the others in order to remove something needs a place at them, and at the one that loses it.
    @Test func whatIsRemovedWaitsForNoPlaceThatItHolds() async throws {
        let user = try await User.ready()
        for name in ["a", "b", "c"] { try await user.createDisk(name, "--max-connections", "1") }
        for number in 0..<3 { try await user.add(sampleBytes(100, seed: UInt64(number)), name: "f\(number)") }
        try await user.run("sync")
        let roots = try await user.pins()
        try await user.run("pin", "add", "--replicas", "2", roots[0], roots[1], roots[2])
        let sync = try await user.json("sync", "--prune").backends.items
        #expect(sync.reduce(0) { $0 + ($1.removed.int ?? 0) } == 3, "\(sync)")
    }

    /// Both names are new, and both are synced at once.
    @Test func onePlaceUnderTwoNewNamesCountsOnce() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await user.run("backend", "create", "again", "filesystem", "--path", disk)
        let root = try await user.add(sampleBytes(1000))
        try await user.run("pin", "add", root, "--replicas", "2")
        for _ in 0..<2 {
            let sync = try await user.json("sync", code: 6)
            #expect(sync.short_of_replicas.items.map(\.text) == [root])
            #expect(sync.warnings.items.contains { $0.text?.contains("disk is the same place as again") == true })
        }
        #expect(try await user.json("status").pins_short_of_replicas.int == 1)
        #expect(try Trees.files(in: disk).count { $0.hasPrefix("cars/") } == 1)
        try await user.run("pin", "add", root, "--replicas", "1")
        try await user.run("sync", "--prune")
        #expect(try Trees.files(in: disk).contains("cars/\(root).car"))
    }

    /// The same bucket, by another name of the server, and with another spelling of the prefix.
    @Test(arguments: ["host", "slash", "case"]) func oneBucketUnderTwoNamesCountsOnce(_ what: String) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        try await user.createS3("cloud", bucket)
        let endpoint = bucket.server.endpoint
        let other = [
            "host": endpoint.replacing("127.0.0.1", with: "localhost"), "slash": endpoint + "/",
            "case": endpoint.replacing("http://", with: "HTTP://"),
        ]
        let root = try await user.add(sampleBytes(1000))
        try await user.run("pin", "add", root, "--replicas", "2")
        try await user.run("sync", code: 6)
        try await user.createS3("two", bucket, endpoint: other[what])
        for _ in 0..<2 {
            let sync = try await user.json("sync", code: 6)
            #expect(sync.short_of_replicas.items.map(\.text) == [root], "\(sync)")
        }
        #expect(try await user.json("whereis", root).mappings.items.count == 1)
        #expect(try await user.json("status").pins_short_of_replicas.int == 1)
    }
}
