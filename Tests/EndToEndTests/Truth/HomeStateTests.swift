import Foundation
import Samples
import TestKit
import Testing

/// What a home says of itself is so, and a copy, a backup and a rehearsal are what they are said to be.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct HomeStateTests {
    private func mode(_ path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? -1
    }

    /// A folder that was there and open to all, and files in it that somebody opened.
    @Test(arguments: [false, true]) func aHomeIsClosedWhereverItIs(isInUse: Bool) async throws {
        let user = try User()
        if isInUse {
            try await user.run("init")
            try await user.createDisk("disk")
            try await user.add(sampleBytes(1000))
            try await user.run("sync")
            try await user.shell("chmod -R a+rwX '\(user.home)'")
        } else {
            try FileManager.default.createDirectory(atPath: user.home, withIntermediateDirectories: true)
            try await user.shell("chmod 755 '\(user.home)'")
        }
        try await user.run("init")
        if !isInUse { try await user.createDisk("disk") }
        try await user.add(sampleBytes(900, seed: 2))
        try await user.run("sync")
        try await user.run("status")
        #expect(try mode(user.home) == 0o700)
        for (path, kind) in try Trees.contents(of: user.home) {
            // What is in a closed folder is closed; what is named for secrets and names is so by itself.
            let isOwn = path.hasPrefix("catalog") || path.hasPrefix("backend_configs") || path.hasPrefix("config")
            guard isOwn || !isInUse else { continue }
            #expect(try mode(user.home + "/" + path) & 0o077 == 0, "\(path)")
            if kind != "folder" { #expect(try mode(user.home + "/" + path) & 0o111 == 0, "\(path)") }
        }
        // Also where the user's own mask lets everybody read.
        let kit = try #require(Programs.kit).path
        let open = user.folder + "/open"
        try await user.shell("umask 0; IPFS_KIT_HOME='\(open)' '\(kit)' init && printf x > '\(user.folder)/x'")
        try await user.shell("umask 0; IPFS_KIT_HOME='\(open)' '\(kit)' add '\(user.folder)/x' && chmod 755 '\(open)'")
        for path in try Trees.contents(of: open).keys { #expect(try mode(open + "/" + path) & 0o077 == 0, "\(path)") }
    }

    @Test func statusSaysWhatIsNotAsItShouldBe() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let roots = [
            try await user.add(sampleBytes(100_000), name: "a"),
            try await user.add(sampleBytes(2000, seed: 2), name: "b"),
            try await user.add(sampleBytes(1000, seed: 3), name: "c"),
        ]
        try await user.run("sync")
        try await user.run("pin", "rm", roots[1])
        try await user.run("pin", "add", roots[2], "--replicas", "2")
        try flip(try user.packs()[0], at: 50_000)
        try await user.run("cat", roots[0], code: 10)
        let status = try await user.json("status")
        #expect(status.pin_count.int == 2 && status.pins_not_whole.int == 1 && status.damaged_blocks.int == 1)
        #expect(status.not_whole.items.map(\.text) == [roots[0]])
        #expect(status.pins_short_of_replicas.int == 1 && status.short_of_replicas.items.map(\.text) == [roots[2]])
        #expect(status.work[0].removals.int == 1 && status.work[0].uploads.int == 0)
        let shown = try await user.run("status").text
        for line in [
            "pins not whole in the store:        1", "pins short of their replicas:       1",
            "replicas that a prune would remove: 1", "Run: ipfs-kit restore",
        ] { #expect(shown.contains(line), "\(line): \(shown)") }
        // It is what the commands then do.
        let dry = try await user.json("restore", "--dry-run")
        #expect(dry.planned.items.map(\.cid.text) == [roots[0]])
        #expect(dry.planned[0].places[0].from == .text("disk"))
        #expect(try await user.json("restore").restored.items.map(\.cid.text) == [roots[0]])
        let pruned = try await user.json("sync", "--prune", code: 6)
        #expect(pruned.backends[0].removed.int == 1 && pruned.backends[0].uploaded.int == 0)
        let after = try await user.json("status")
        #expect(after.pins_not_whole.int == 0 && after.work[0].removals.int == 0 && after.damaged_blocks.int == 0)
        #expect(try Trees.files(in: disk).count { $0.hasPrefix("cars/") } == 2)
        // A pack that is gone, or cut, is told by whoever only looks.
        try FileManager.default.removeItem(atPath: try user.packs()[0])
        #expect(try await user.attempt(["status"]).code == 10)
    }

    @Test func statusSaysWhoIsAtWork() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await proxy.set([.hold.on("PUT", path: "/cars/")], for: "slow")
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--timeout", "300")
        try await user.add(sampleBytes(1000))
        let sync = try Running(user, "sync")
        try await sync.wait { try await proxy.count("PUT", path: "/cars/") > 0 }
        let running = try await user.json("status").running
        #expect(running.items.count == 1 && running[0].backend == .text("cloud"))
        let process = try #require(running[0].process.int)
        #expect(try await user.run("status").text.contains("cloud is being synced by process \(process) on "))
        try await proxy.clear("slow")
        #expect(await sync.end() == 0)
        #expect(try await user.json("status").running.items.isEmpty)
    }

    // MARK: Rehearsals

    /// What a dry run of a recovery says is what the real one does, and the dry run does nothing.
    @Test(arguments: ["fresh", "known", "older snapshot", "lost snapshot"])
    func aRehearsalOfARecoveryIsTrue(_ what: String) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await user.createDisk("second")
        try await user.add(sampleBytes(1000), name: "first")
        try await user.run("sync")
        try await user.add(sampleBytes(2000, seed: 2), name: "second-file")
        try await user.run("sync")
        let fresh = what == "known" ? user : try await User.ready("fresh")
        if what != "known" {
            try await fresh.run("backend", "create", "disk", "filesystem", "--path", disk)
            try await fresh.add(sampleBytes(300, seed: 9), name: "mine")
        }
        var words = ["recover", "--from", "disk"]
        let list = try await user.json("snapshot", "list", "disk").snapshots.items.compactMap(\.id.text)
        try #require(list.count == 2)
        if what == "older snapshot" { words += ["--snapshot", list[1]] }
        if what == "lost snapshot" {
            let name = try #require(Trees.files(in: disk).first { $0.contains(list[0]) })
            try flip(disk + "/" + name)
        }
        let before = try Trees.contents(of: fresh.home + "/store")
        let pins = try await fresh.pins()
        let dry = try await fresh.attempt(words + ["--dry-run", "--json"])
        #expect(try await fresh.pins() == pins)
        #expect(try Trees.contents(of: fresh.home + "/store") == before)
        let real = try await fresh.attempt(words + ["--json"])
        #expect(dry.code == real.code, "\(dry.text) \(real.text)")
        let (said, done) = (try Answer.parse(dry.text), try Answer.parse(real.text))
        #expect(said.dry_run.flag == true && done.dry_run.flag == false)
        for key in [
            \Answer.snapshot, \.pins, \.new_pins, \.mappings, \.new_backends, \.kept_backends, \.lost_snapshots,
        ] {
            #expect(said[keyPath: key] == done[keyPath: key], "\(dry.text) \(real.text)")
        }
        #expect(try await fresh.pins().count - pins.count == done.new_pins.int)
        #expect(done.new_backends.items.count == (what == "known" ? 0 : 1))
    }

    // MARK: Snapshots

    @Test func snapshotsAreListedShownAndRemoved() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let kept = try await User.ready("stranger")
        try await kept.run("backend", "create", "disk", "filesystem", "--path", disk)
        try await kept.add(sampleBytes(10))
        try await kept.run("sync")
        var roots: [String] = []
        for number in 0..<5 {
            roots.append(try await user.add(sampleBytes(500, seed: UInt64(number)), name: "n\(number)"))
            try await user.run("sync")
        }
        func list() async throws -> [Answer] { try await user.json("snapshot", "list", "disk").snapshots.items }
        let all = try await list()
        // A sync keeps three of this home; the stranger's is nobody's business.
        try #require(all.map(\.is_own.flag) == [true, true, true, false])
        for (back, entry) in all.prefix(3).enumerated() {
            let shown = try await user.json("snapshot", "show", "disk", try #require(entry.id.text))
            #expect(Set(shown.pins.items.compactMap(\.cid.text)) == Set(roots.dropLast(back)))
        }
        #expect(try await user.json("snapshot", "show", "disk").snapshot.id == all[0].id)
        try await user.run("snapshot", "show", "disk", "12345", code: 4)
        try await user.run("recover", "--from", "disk", "--snapshot", "12345", code: 4)
        try await user.run("snapshot", "prune", "disk", "--keep", "0", code: 2)
        let dry = try await user.json("snapshot", "prune", "disk", "--keep", "1", "--dry-run")
        #expect(dry.snapshots.items.map(\.id) == all[1...2].map(\.id))
        #expect(try await list() == all)
        let removed = try await user.json("snapshot", "prune", "disk", "--keep", "1")
        #expect(removed.snapshots == dry.snapshots)
        #expect(try await list().map(\.id) == [all[0].id, all[3].id])
        // The newest stays, so that the place is known again, and everything comes back from it.
        try await user.run("sync", "--force")
        let fresh = try await User.ready("fresh")
        try await fresh.run("backend", "create", "disk", "filesystem", "--path", disk)
        try await fresh.run("recover", "--from", "disk", "--snapshot", try #require(try await list().first?.id.text))
        #expect(try await fresh.pins() == roots.sorted())
    }

    // MARK: Backups

    /// The catalog is copied while others write to it; every copy is one moment, and can be put in its place.
    @Test func aBackupIsOneMomentAndCanBePutBack() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        let first = try await user.add(sampleBytes(400), name: "first")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 0..<8 {
                    try await user.add(sampleBytes(500, seed: UInt64(number)), name: "n\(number)")
                    try await user.run("sync")
                }
            }
            group.addTask {
                for number in 0..<8 {
                    let made = try await user.json("catalog", "backup", "\(user.folder)/copy\(number)")
                    #expect(made.pin_count.int ?? 0 >= 1)
                }
            }
            try await group.waitForAll()
        }
        try await user.run("catalog", "backup", user.folder + "/copy0", code: 12)
        #expect(try mode(user.folder + "/copy0") & 0o077 == 0)
        let pins = try await user.pins()
        let now = user.folder + "/now"
        try await user.run("catalog", "backup", now)
        for file in try user.catalogFiles() { try FileManager.default.removeItem(atPath: file) }
        try await user.run("status", code: 10)
        try FileManager.default.copyItem(atPath: now, toPath: user.home + "/catalog.sqlite")
        #expect(try await user.pins() == pins)
        try await user.run("gc", "--waste", "0")
        #expect(try await user.json("verify").backends[0].whole.int == pins.count)
        try await user.run("sync")
        // An older one is not taken for the newest, unless the owner says so; then the backend knows the rest.
        for file in try user.catalogFiles() { try FileManager.default.removeItem(atPath: file) }
        try FileManager.default.copyItem(atPath: user.folder + "/copy0", toPath: user.home + "/catalog.sqlite")
        try await user.run("gc", "--waste", "0", code: 12)
        try await user.run("catalog", "accept")
        #expect(try await user.pins().contains(first))
        try await user.run("recover", "--from", "disk")
        #expect(try await user.pins() == pins)
        try await user.run("gc", "--waste", "0")
        for root in pins { try await user.run("cat", root) }
    }
}
