import Foundation
import IPLD
import Multiformats
import Samples
import TestKit
import Testing

/// Whoever can write to a backend can leave anything there: nothing in it is obeyed, and nothing in it stops the
/// program.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct HostileSnapshotTests {
    private static let kit = String(repeating: "a", count: 20)

    /// A snapshot as the format has it, with the settings of these backends and these rows of pins.
    private func snapshot(
        _ backends: [(String, String)],
        kit: String = kit,
        created: String = "2026-07-30T19:44:19.863Z",
        pins: [Node] = []
    ) throws -> [UInt8] {
        let page = Block(codec: .dagCBOR, bytes: try Node.list(pins).encoded(as: .dagCBOR))
        let node = Node.map([
            .init("format", .string("ipfs_kit_snapshot")), .init("version", .integer(1)), .init("kit", .string(kit)),
            .init("created_at", .string(created)), .init("pins", .list([.link(page.cid)])), .init("indexes", .list([])),
            .init(
                "backends",
                .list(
                    backends.map { .map([.init("name", .string($0.0)), .init("settings", .string($0.1))]) }
                )
            ),
        ])
        let root = Block(codec: .dagCBOR, bytes: try node.encoded(as: .dagCBOR))
        return try bytes(at: try ArchiveVerdictTests.archive([root, page], roots: [root.cid]))
    }

    /// A disk of a stranger, with a snapshot on it.
    private func disk(_ snapshot: [UInt8], _ name: String = "9000000000000.car", _ user: User) async throws -> String {
        let disk = try await user.createDisk("disk")
        // A time that is believed: names of the year 2200 and later are nobody's.
        let folder = "\(disk)/kits/\(Self.kit)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try write(snapshot, to: "\(folder)/\(name)")
        return disk
    }

    private func settings(_ endpoint: String, secret: String) -> String {
        """
        name: mirror
        type: s3
        enabled: true
        connection:
          bucket: pins
          endpoint: \(endpoint)
          prefix: 'x-${file:\(secret)}/'
        credentials:
          access_key_id: ${E2E_HIDDEN}
          secret_access_key: ${E2E_HIDDEN}

        """
    }

    @Test func settingsOfASnapshotDoNothingUntilTheOwnerEnablesThem() async throws {
        var user = try await User.ready()
        let echo = try await EchoServer.start()
        let key = user.folder + "/private-key"
        try write(Array("FILE-CANARY".utf8), to: key)
        user.environment["E2E_HIDDEN"] = "ENVCANARY"
        let text = settings("http://\(echo.host)", secret: key)
        _ = try await disk(snapshot([("mirror", text)]), "1785440659863.car", user)
        let dry = try await user.json("recover", "--from", "disk", "--dry-run")
        #expect(dry.new_backends.items.map(\.text) == ["mirror"])
        #expect(!FileManager.default.fileExists(atPath: user.home + "/backend_configs/mirror.yaml"))
        let recovered = try await user.run("recover", "--from", "disk")
        #expect(recovered.text.contains("ipfs-kit backend enable mirror"))
        try await user.add(sampleBytes(1000))
        for words in [
            "sync", "verify", "restore", "status", "backend list", "backend show mirror", "sync --force",
            "backend test mirror", "sync mirror", "verify mirror", "recover --from mirror", "snapshot list mirror",
            "backend peers mirror", "restore --from mirror",
        ] {
            let result = try await user.attempt(words.split(separator: " ").map(String.init))
            #expect(!(result.text + result.errorText).contains("CANARY"), "\(words)")
            if words.hasSuffix(" mirror"), !words.contains("show") {
                #expect(result.code != 0, "\(words): \(result.text)")
            }
        }
        #expect(try await echo.log().isEmpty)
        let list = try await user.json("backend", "list").backends.items
        let mirror = list.first { $0.name == .text("mirror") }?.settings
        #expect(mirror?.enabled.flag == false && mirror?.from_snapshot.flag == true)
    }

    /// Backends whose names are paths, and settings that are none.
    @Test(arguments: [
        "../escaped", "/etc/escaped", "a/b", "..", ".", "", "x\u{0}y", "x\ny", "\u{1B}[31mred", "Ünï",
        String(repeating: "n", count: 300),
    ])
    func aNameThatIsNoneIsLeftOut(_ name: String) async throws {
        let user = try await User.ready()
        let bad = [(name, "type: filesystem\nconnection:\n  path: /tmp\n"), ("broken", "type: [\n"), ("none", "")]
        _ = try await disk(
            snapshot(bad + [("good", "type: filesystem\nconnection:\n  path: /mnt/x\n")]),
            "1785440659863.car",
            user
        )
        let before = try Trees.files(in: user.folder)
        let recovered = try await user.attempt(["recover", "--from", "disk", "--json"])
        #expect(recovered.code < 128, "\(recovered.text)")
        #expect(!(recovered.text + recovered.errorText).contains("\u{1B}"))
        #expect(try Answer.parse(recovered.text).new_backends.items.map(\.text) == ["good"])
        let new = Set(try Trees.files(in: user.folder)).subtracting(before).filter { $0.hasSuffix(".yaml") }
        #expect(new == ["ipfs-kit/backend_configs/good.yaml"])
        try await user.run("backend", "list")
    }

    @Test(arguments: [("replicas", Node.integer(-1)), ("metadata", .string("not json")), ("metadata", .string("[]"))])
    func whatNoCommandCouldHaveMadeIsLeftOut(_ key: String, _ value: Node) async throws {
        let user = try await User.ready()
        let block = Block(codec: .raw, bytes: Array("content".utf8))
        let row = [
            ("cid", Node.string(block.cid.description)), ("name", .string("it")), ("metadata", .string("{}")),
            ("created_at", .string("2026-07-30T19:44:19.863Z")),
        ]
        let pin = row.filter { $0.0 != key } + [(key, value)]
        let pins = [Node.map(pin.map { .init($0.0, $0.1) })]
        _ = try await disk(snapshot([], pins: pins), "1785440659863.car", user)
        let recovered = try await user.attempt(["recover", "--from", "disk", "--metadata-only", "--json"])
        #expect(try Answer.parse(recovered.text).warnings.items.contains { $0.text?.contains("left out") == true })
        let known = try await user.json("pin", "show", block.cid.description).pin
        #expect(known.name == .text("it") && known.replicas == .null && known.metadata == .object([:]), "\(known)")
    }

    /// Names below `kits/` that are nobody's: none is taken for a snapshot, and none stops anything.
    static let names = [
        "9223372036854775807.car", "9223372036854775808.car", "-1.car", "99999999999999999999999999.car",
        "7258118400001.car",
        "+5.car", "1e9.car", "0x10.car", "007.car", ".car", "a.car", "1785440659863-UPPER.car", "1785440659863-.car",
        "1785440659863-a-b.car", "1785440659863-\(String(repeating: "b", count: 41)).car", "1785440659863.car.part",
        "homes/x.here", "homes/x-y-z.here", "homes/-.removing", "homes/a-b.gone", "homes/a.b-c.here", "deep/er/1.car",
        "e\u{301} 名前\u{1B}[31m.car",
    ]

    @Test func aNameThatIsNobodysIsPassedOver() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await user.add(sampleBytes(1000))
        try await user.run("sync")
        let mine = try #require(FileManager.default.contentsOfDirectory(atPath: disk + "/kits").first)
        let stray = try snapshot([])
        for (number, name) in Self.names.enumerated() {
            for folder in ["kits/\(mine)", "kits/\(Self.kit)", "kits/NO-KIT", "kits"]
            where number % 2 == 0 || folder != "kits" {
                let path = "\(disk)/\(folder)/\(name)"
                let parent = URL(filePath: path).deletingLastPathComponent().path
                try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
                try write(number % 3 == 0 ? [] : stray, to: path)
            }
        }
        let there = Set(try Trees.files(in: disk))
        try await user.add(sampleBytes(900, seed: 2), name: "more")
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        for words in [
            "sync --force", "verify", "snapshot list disk", "snapshot show disk", "backend peers disk", "sync --prune",
            "snapshot prune disk --keep 1", "recover --from disk", "status",
        ] {
            let result = try await user.attempt(words.split(separator: " ").map(String.init))
            #expect(result.code == 0, "\(words): \(result.code) \(result.text)\(result.errorText)")
            #expect(!(result.text + result.errorText).contains("\u{1B}"), "\(words)")
        }
        let list = try await user.json("snapshot", "list", "disk").snapshots.items
        #expect(list.allSatisfy { $0.is_own.flag == true } && !list.isEmpty)
        #expect(try await user.json("backend", "peers", "disk").peers.items.isEmpty)
        // They are not ours to remove either.
        let gone = there.subtracting(try Trees.files(in: disk))
        #expect(gone.allSatisfy { name in !Self.names.contains { name.hasSuffix("/" + $0) } }, "\(gone)")
    }

    /// Snapshots whose name is one, and whose content is not.
    @Test(arguments: ["empty", "garbage", "cut", "foreign", "huge numbers", "wrong types"])
    func contentThatIsNoSnapshotIsNoneForAnybody(_ what: String) async throws {
        let user = try await User.ready()
        let whole = try snapshot([("mirror", "type: filesystem\nconnection:\n  path: /mnt/x\n")])
        let content: [UInt8]
        switch what {
        case "empty": content = []
        case "garbage": content = sampleBytes(5000)
        case "cut": content = Array(whole.dropLast(10))
        case "foreign":
            content = try bytes(
                at: ArchiveVerdictTests.archive([ArchiveVerdictTests.leaf], roots: [ArchiveVerdictTests.leaf.cid])
            )
        case "huge numbers":
            let node = Node.map([
                .init("format", .string("ipfs_kit_snapshot")), .init("version", .integer(Int128(Int64.max))),
                .init("kit", .string(Self.kit)), .init("created_at", .string("999999999-99-99T99:99:99Z")),
                .init("pins", .list([])), .init("indexes", .list([])), .init("backends", .list([])),
            ])
            let root = Block(codec: .dagCBOR, bytes: try node.encoded(as: .dagCBOR))
            content = try bytes(at: ArchiveVerdictTests.archive([root], roots: [root.cid]))
        default:
            let node = Node.map([
                .init("format", .string("ipfs_kit_snapshot")), .init("version", .integer(1)),
                .init("kit", .integer(-1)), .init("created_at", .list([])), .init("pins", .string("all")),
                .init("indexes", .integer(9)), .init("backends", .map([])),
            ])
            let root = Block(codec: .dagCBOR, bytes: try node.encoded(as: .dagCBOR))
            content = try bytes(at: ArchiveVerdictTests.archive([root], roots: [root.cid]))
        }
        let disk = try await disk(content, "1785440659863.car", user)
        let other = try await User.ready("other")
        let root = try await other.add(sampleBytes(1000))
        try await other.run("dag", "export", root, "--output", user.folder + "/x.car")
        try FileManager.default.createDirectory(atPath: disk + "/cars", withIntermediateDirectories: true)
        try FileManager.default.moveItem(atPath: user.folder + "/x.car", toPath: "\(disk)/cars/\(root).car")
        try await user.run("snapshot", "list", "disk")
        let shown = try await user.attempt(["snapshot", "show", "disk"])
        #expect(shown.code != 0 && shown.code < 128, "\(shown.code) \(shown.text)")
        let recovered = try await user.attempt(["recover", "--from", "disk"])
        #expect(recovered.code != 0 && recovered.code < 128, "\(recovered.code) \(recovered.text)")
        // Beside it, the home works.
        try await user.add(sampleBytes(300, seed: 2), name: "mine")
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int ?? 0 >= 1)
        #expect(try await user.pins().contains(root) || what == "huge numbers" || what == "wrong types")
    }
}
