import Foundation
import Samples
import TestKit
import Testing

/// The main job as a user does it: add, replicate, lose everything, recover.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct ThreadTests {
    @Test(arguments: [S3Server.Kind.moto, .rclone])
    func everythingComesBackFromOneBackend(_ kind: S3Server.Kind) async throws {
        var user = try await User.ready()
        let tree = user.folder + "/tree"
        try Trees.make(at: tree)
        let added = try await user.run("add", tree, "--name", "my tree", "--json")
        let root = try #require(try Answer.lines(added.text).last?.roots[0].cid.text)
        let small = try await user.add(Array("hello\n".utf8))
        try await user.run(
            "pin",
            "add",
            small,
            "--name",
            "gruß",
            "--meta",
            "a=1",
            "--meta",
            "b=zwei",
            "--replicas",
            "2"
        )
        let pins = try await user.json("pin", "ls")
        try await user.createDisk("disk")
        let bucket = try await Bucket.make(kind)
        try await user.createS3("cloud", bucket)
        let sync = try await user.json("sync")
        #expect(sync.backends.items.map(\.uploaded.int) == [2, 2])
        #expect(sync.backends.items.allSatisfy { $0.bytes_sent.int ?? 0 > $0.bytes_uploaded.int ?? .max }, "\(sync)")
        let verified = try await user.json("verify")
        #expect(verified.backends.items.map(\.whole.int) == [2, 2])
        let second = try await user.json("sync")
        #expect(second.backends.items.map(\.status.text) == ["clean", "clean"])

        try FileManager.default.removeItem(atPath: user.home)
        try await user.run("init")
        try await user.createS3("cloud", bucket)
        try await user.run("recover", "--from", "cloud")
        #expect(try await user.json("pin", "ls") == pins)
        try await user.run("get", root, "--output", user.folder + "/restored")
        #expect(try Trees.contents(of: user.folder + "/restored") == Trees.contents(of: tree))
        #expect(try await user.run("cat", small).text == "hello\n")
        let places = try await user.json("whereis", root)
        #expect(places.mappings.items.map(\.backend_name.text) == ["cloud", "disk"])

        // Settings that came from a snapshot are used when the owner says so.
        #expect(try await user.json("backend", "show", "disk").settings.enabled.flag == false)
        try await user.run("sync", "disk", code: 12)
        try await user.run("backend", "enable", "disk")
        // What is there already is found, not sent again.
        let third = try await user.json("sync", "cloud")
        #expect(third.backends[0].uploaded.int == 0 || third.backends[0].status == .text("clean"))
        #expect(try await user.json("verify", "cloud").backends[0].whole.int == 2)
    }

    @Test func aCleanBackendIsAskedNothing() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint)
        for index in 0..<5 { try await user.add(sampleBytes(1000, seed: UInt64(index)), name: "f\(index)") }
        let first = try await user.json("sync")
        #expect(first.backends[0].calls.int ?? 0 > 0)
        let before = try await proxy.requests()
        // One request each, and a constant: the announcement and the snapshot.
        #expect(before.count { $0.hasPrefix("PUT") } == 7)
        let second = try await user.json("sync")
        #expect(second.backends[0].calls.int ?? 0 == 0 && second.backends[0].status == .text("clean"))
        #expect(try await proxy.requests().count == before.count)
    }

    @Test func recoveryOfMetadataAloneLeavesContentWhereItIs() async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(10_000))
        let disk = try await user.createDisk("disk")
        try await user.run("sync")
        try FileManager.default.removeItem(atPath: user.home)
        try await user.run("init")
        try await user.run("backend", "create", "disk", "filesystem", "--path", disk)
        try await user.run("recover", "--from", "disk", "--dry-run")
        #expect(try await user.pins().isEmpty)
        try await user.run("recover", "--from", "disk", "--metadata-only")
        #expect(try await user.pins() == [root])
        let missing = try await user.run("cat", root, code: 4)
        #expect(missing.errorText.contains("ipfs-kit restore"))
        try await user.run("restore", root)
        #expect(try await [UInt8](user.run("cat", root).output) == sampleBytes(10_000))
    }

    @Test func aDirectoryThatIsNotThereIsNeverMade() async throws {
        let user = try await User.ready()
        try await user.add([1, 2, 3])
        let path = user.folder + "/new/place"
        try await user.run("backend", "create", "disk", "filesystem", "--path", path)
        let result = try await user.run("sync", code: 5)
        #expect(result.text.contains("mkdir -p \(path)"), "\(result.text)")
        #expect(!FileManager.default.fileExists(atPath: path))
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try await user.run("sync")
        #expect(try Trees.files(in: path).count { $0.hasSuffix(".car") } == 2)
    }
}
