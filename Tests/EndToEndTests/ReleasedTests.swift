import Foundation
import Samples
import TestKit
import Testing

/// Homes and backends that a released version left: they stay readable, and nothing of them is lost.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct ReleasedTests {
    // Three pins, of which two are on the disk; the third was cut off on its way there. The disk has the CAR of `gone`
    // besides, which no pin wants. The place of the backend `lost` was never there.
    private static let tree = "bafybeicnuw4i7tokkoja7lvw6ia3bq2tns4npkyigijjl3ivrsyncd2fhu"
    private static let later = "bafkreif7xqz7cssldbwvmbvppih7w2id2hueqx5uz52mqhlskfauzksmra"
    private static let file = "bafkreievuler2oun5ibwyeygwfzcqfrwpy6frcpyoimzqg264aohymvofy"
    private static let gone = "bafkreiajifhz34sqhdqynd33tcwqtdzchrzy3uw3zmrfietkvibzzpujz4"

    private func released(_ version: String = "0.1") throws -> (user: User, disk: String) {
        let user = try User()
        let fixture = packageRoot.path(percentEncoded: false) + "/Tests/Fixtures/released/" + version
        let disk = user.folder + "/disk"
        let files = FileManager.default
        try files.copyItem(atPath: fixture + "/home", toPath: user.home)
        try files.copyItem(atPath: fixture + "/disk", toPath: disk)
        let settings = user.home + "/backend_configs/disk.yaml"
        let text = String(decoding: try bytes(at: settings), as: UTF8.self)
        try write(Array(text.replacing("/tmp/released/disk", with: disk).utf8), to: settings)
        try? files.removeItem(atPath: user.home + "/backend_configs/lost.yaml")
        return (user, disk)
    }

    @Test func aHomeOfTheFirstVersionGoesOn() async throws {
        let (user, disk) = try released()
        let before = try bytes(at: user.home + "/catalog.sqlite")
        #expect(try await user.pins() == [Self.tree, Self.later, Self.file].sorted())
        // The old catalog is kept as it was.
        let kept = try bytes(at: user.home + "/catalog-1.sqlite")
        #expect(kept.count == before.count && kept[60..<64] == before[60..<64])
        #expect(try await user.run("cat", Self.later).text == "added after the last sync\n")
        #expect(try await user.json("store", "verify").damaged.items.isEmpty)
        // What failed says nothing any more; what was observed stays, with its evidence.
        let open = try await user.json("whereis", Self.file).mappings[0]
        #expect(open.status == .text("unknown"))
        let known = try await user.json("whereis", Self.tree).mappings[0]
        #expect(known.status == .text("stored") && known.verify_method == .text("read-back"))
        let sync = try await user.json("sync")
        #expect(sync.backends[0].uploaded.int == 1 && sync.backends[0].status == .text("synced"))
        #expect(try await user.json("verify").backends[0].whole.int == 4)
        // What it left of itself is this home's own: nobody else keeps it from removing.
        #expect(try await user.json("sync", "--prune").backends[0].removed.int == 1)
        #expect(try Trees.files(in: disk).filter { $0.hasPrefix("cars/") }.count == 3)
        let collected = try await user.json("gc")
        #expect(collected.live_blocks.int == 5 && collected.dead_blocks.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int == 3)
        #expect(try await user.run("status").code == 0)
    }

    @Test func aHomeOfTheSecondCatalogGoesOn() async throws {
        let (user, disk) = try released("catalog-2")
        #expect(try await user.run("status").code == 0)
        #expect(FileManager.default.fileExists(atPath: user.home + "/catalog-2.sqlite"))
        #expect(try await user.pins().count == 3)
        #expect(try await user.run("cat", Self.later).text == "added after the last sync\n")
        // A copy of a home compares what is there, and sends what is not.
        let sync = try await user.json("sync").backends[0]
        #expect(sync.adopted.int == 2 && sync.uploaded.int == 1, "\(sync)")
        #expect(try await user.json("sync").backends[0].status == .text("clean"))
        #expect(try Trees.files(in: disk).filter { $0.hasPrefix("cars/") }.count == 3)
        #expect(try await user.run("gc").code == 0)
        #expect(try await user.json("verify").backends[0].whole.int == 3)
    }

    @Test func aHomeOfTheThirdCatalogGoesOn() async throws {
        let (user, disk) = try released("catalog-3")
        let rots = "bafkreibeq7riytl7oye4f76ceds4pkl4fcae6wth2gpov72tu6h5ike2wu"
        let tree = "bafybeib5xbff6bycdgjzol5xdodlxlxan3sqzkqpvamvnemramyltwmcdm"
        #expect(try await user.run("status").code == 0)
        #expect(FileManager.default.fileExists(atPath: user.home + "/catalog-3.sqlite"))
        #expect(try await user.pins() == [Self.later, tree, rots].sorted())
        let later = try await user.json("pin", "show", Self.later).pin
        #expect(later.name == .text("later, with words") && later.replicas.int == 1, "\(later)")
        #expect(try await user.json("whereis", rots).mappings[0].status == .text("corrupt"))
        #expect(try await user.json("whereis", tree).mappings[0].verify_method == .text("read-back"))
        // What is damaged is sent anew, and what a killed upload may have left is looked at.
        let sync = try await user.json("sync").backends[0]
        #expect(sync.adopted.int == 1 && sync.uploaded.int == 2 && sync.status == .text("synced"), "\(sync)")
        #expect(try await user.json("verify").backends[0].whole.int == 4)
        #expect(try Trees.files(in: disk).filter { $0.hasPrefix("cars/") }.count == 4)
        #expect(try await user.run("gc").code == 0)
    }

    @Test func aHomeOfTheFourthCatalogGoesOn() async throws {
        let (user, disk) = try released("catalog-4")
        func snapshots() throws -> [String] {
            try Trees.files(in: disk).filter { $0.hasPrefix("kits/") && $0.hasSuffix(".car") }.sorted()
        }
        let old = try snapshots()
        #expect(old.count == 2)
        #expect(try await user.pins().count == 42)
        #expect(FileManager.default.fileExists(atPath: user.home + "/catalog-4.sqlite"))
        // A copy of the home compares, and leaves snapshots of the new form beside the old ones.
        let sync = try await user.json("sync").backends[0]
        #expect(sync.adopted.int == 42 && sync.status == .text("synced"), "\(sync)")
        #expect(try snapshots().count == 3)
        for name in old + [try #require(sync.snapshot.text)] {
            let shown = try await user.json("snapshot", "show", "disk", name)
            #expect(shown.pins.items.count == 42 && shown.mapping_count.int ?? 0 >= 42, "\(shown)")
        }
        // Each is enough, whatever its form.
        for (number, name) in try snapshots().enumerated() {
            let fresh = try await User.ready("fresh-\(number)")
            try await fresh.run("backend", "create", "disk", "filesystem", "--path", disk)
            try await fresh.run("recover", "--from", "disk", "--snapshot", name)
            #expect(try await fresh.pins().contains(Self.later))
            let tree = "bafybeib5xbff6bycdgjzol5xdodlxlxan3sqzkqpvamvnemramyltwmcdm"
            #expect(try await fresh.json("pin", "show", tree).pin.name == .text("a tree"))
        }
    }

    @Test func aHomeOfTheFifthCatalogGoesOn() async throws {
        let (user, disk) = try released("catalog-5")
        let gone = "bafkreiclt4wdev335mplzcvsuhrcn6vksf3kqhgu53n2uixyudnzdglswu"
        #expect(try await user.pins().count == 8)
        #expect(FileManager.default.fileExists(atPath: user.home + "/catalog-5.sqlite"))
        // The disk is at another place than at the last sync: what was seen there is known, and does not count yet.
        let known = try await user.json("whereis", gone).mappings[0]
        #expect(known.status == .text("unknown") && known.verify_method == .text("read-back"), "\(known)")
        // Its pages are remembered, and those that a snapshot before it left are good enough.
        let sync = try await user.json("sync").backends[0]
        #expect(sync.adopted.int == 8 && sync.status == .text("synced"), "\(sync)")
        #expect(try await user.json("verify").backends[0].whole.int == 9)
        let fresh = try await User.ready("fresh")
        try await fresh.run("backend", "create", "disk", "filesystem", "--path", disk)
        try await fresh.run("recover", "--from", "disk")
        #expect(try await fresh.pins() == user.pins())
        #expect(try await fresh.run("cat", Self.later).text == "added after the last sync\n")
    }

    @Test func aHomeOfTheSixthCatalogGoesOn() async throws {
        let (user, disk) = try released("catalog-6")
        #expect(try await user.pins().count == 8)
        #expect(FileManager.default.fileExists(atPath: user.home + "/catalog-6.sqlite"))
        let later = try await user.json("pin", "show", Self.later)
        #expect(later.pin.name == .text("later, with words") && later.pin.metadata == .object(["colour": .text("red")]))
        // Whatever was pinned, its owner pinned.
        #expect(later.kept_by_owner == .flag(true) && later.requests.items.isEmpty, "\(later)")
        let sync = try await user.json("sync").backends[0]
        #expect(sync.adopted.int == 8 && sync.status == .text("synced"), "\(sync)")
        #expect(try await user.json("sync").backends[0].status == .text("clean"))
        #expect(try await user.json("verify").backends[0].whole.int == 9)
        #expect(try await user.run("pin", "rm", Self.later).text == "unpinned \(Self.later)\n")
        #expect(try await user.json("sync").backends[0].status == .text("synced"))
        let fresh = try await User.ready("fresh")
        try await fresh.run("backend", "create", "disk", "filesystem", "--path", disk)
        try await fresh.run("recover", "--from", "disk")
        #expect(try await fresh.pins() == user.pins())
    }

    @Test func aHomeOfTheSeventhCatalogGoesOn() async throws {
        let (user, disk) = try released("catalog-7")
        #expect(try await user.pins().count == 8)
        #expect(FileManager.default.fileExists(atPath: user.home + "/catalog-7.sqlite"))
        // What was seen at the place of before is known, and does not count yet.
        #expect(try await user.json("status").backends[0].mapping_counts.stored.int == 0)
        let sync = try await user.json("sync").backends[0]
        #expect(sync.adopted.int == 8 && sync.status == .text("synced"), "\(sync)")
        let length = try Trees.files(in: disk).filter { $0.hasPrefix("cars/") }.reduce(0) { sum, file in
            sum + (try bytes(at: disk + "/" + file).count)
        }
        #expect(try await user.json("verify").backends[0].whole.int == 9)
        let row = try await user.json("status").backends[0].mapping_counts
        #expect(row.stored.int == 9 && row.stored_bytes.int == length, "\(row)")
        // The home that this is a copy of may be at work still.
        try await user.run("backend", "peers", "forget", "a3zas4pqrmgr74urreb5")
        #expect(try await user.json("sync", "--prune").backends[0].removed.int == 1)
        #expect(try await user.json("status").backends[0].mapping_counts.stored.int == 8)
    }

    @Test func aBackendOfTheFirstVersionIsEnough() async throws {
        let (old, disk) = try released()
        try FileManager.default.removeItem(atPath: old.home)
        let user = try await User.ready("new")
        try await user.run("backend", "create", "disk", "filesystem", "--path", disk)
        let list = try await user.json("snapshot", "list", "disk")
        #expect(list.snapshots.items.count == 2)
        let recovered = try await user.json("recover", "--from", "disk")
        // Settings out of a snapshot are not used before the owner has looked at them.
        #expect(recovered.new_backends.items.map(\.text) == ["lost"])
        #expect(try await user.json("backend", "show", "lost").settings.enabled == .flag(false))
        #expect(try await user.pins() == [Self.tree, Self.later].sorted())
        #expect(try await user.run("cat", Self.later).text == "added after the last sync\n")
        #expect(try await user.run("cat", "\(Self.tree)/a").text == "the first file\n")
    }
}
