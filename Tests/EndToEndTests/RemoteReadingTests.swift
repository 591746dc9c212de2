import Foundation
import Samples
import TestKit
import Testing

/// Content that is read from a backend, by homes that do not have it.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct RemoteReadingTests {
    /// What lies beside the CAR is what `car index` makes of it.
    @Test func theIndexBesideAnArchiveIsTheUsualOne() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let (large, small) = (try await user.add(sampleBytes(3 << 20)), try await user.add(sampleBytes(1000)))
        try await user.run("sync")
        let path = disk + "/cars/\(large).car"
        try await user.run("car", "index", path, "--output", user.folder + "/made.idx")
        #expect(try bytes(at: path + ".idx") == bytes(at: user.folder + "/made.idx"))
        #expect(!FileManager.default.fileExists(atPath: disk + "/cars/\(small).car.idx"))
        // One that is lost is made again where all is looked at anew.
        try FileManager.default.removeItem(atPath: path + ".idx")
        let forced = try await user.json("sync", "--force").backends[0]
        #expect(forced.adopted.int == 2 && forced.uploaded.int == 0, "\(forced)")
        #expect(try bytes(at: path + ".idx") == bytes(at: user.folder + "/made.idx"))
        // It goes with the CAR.
        try await user.run("pin", "rm", large)
        try await user.run("sync", "--prune")
        #expect(try Trees.files(in: disk + "/cars") == ["\(small).car"])
    }

    /// A home that was made just now knows only where the backend is, or all that a recovery tells it.
    @Test(arguments: [false, true]) func everyCommandReadsFromABackend(_ isRecovered: Bool) async throws {
        let owner = try await User.ready("owner")
        let disk = try await owner.createDisk("disk")
        try Trees.make(at: owner.folder + "/tree")
        try write(sampleBytes(3 << 20), to: owner.folder + "/tree/large")
        let root = try await owner.run("add", owner.folder + "/tree", "--quiet").text
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let note = try await owner.add(Array("hello".utf8))
        try await owner.run("sync")

        let reader = try await User.ready("reader")
        try await reader.run("backend", "create", "disk", "filesystem", "--path", disk)
        if isRecovered { try await reader.run("recover", "--from", "disk", "--metadata-only") }
        let part = ["--offset", "1500000", "--length", "4096"]
        let read = try await reader.attempt(["cat", root + "/large", "--from", "disk"] + part)
        #expect([UInt8](read.output) == Array(sampleBytes(3 << 20)[1_500_000..<1_504_096]))
        #expect(try await reader.run("cat", note, "--from", "disk").text == "hello")
        let listed = try await reader.json("ls", root, "--from", "disk")
        #expect(try await listed == owner.json("ls", root))
        try await reader.run("get", root, "--from", "disk", "--output", reader.folder + "/out")
        let (written, wanted) = (reader.folder + "/out", owner.folder + "/tree")
        #expect(try Trees.contents(of: written) == Trees.contents(of: wanted))
        let file = try #require(listed.entries.items.first { $0.name.text == "large" }?.cid.text)
        for words in [["block", "get", root], ["dag", "get", root], ["block", "get", file]] {
            let far = try await reader.attempt(words + ["--from", "disk"])
            let near = try await owner.attempt(words)
            #expect(far.code == 0 && far.output == near.output, "\(words) \(far.errorText)")
        }
        // Nothing of it came into the store.
        #expect(try await reader.json("store", "stat").blocks.int == 0)
        let absent = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
        let refused = try await reader.attempt(["block", "get", absent, "--from", "disk"])
        #expect(refused.code == 4, "\(refused.errorText)")
        #expect(try await reader.attempt(["cat", root, "--from", "nowhere"]).code == 3)
    }

    /// Damage that a reading found stays known until the content is stored again, whoever read; and what was read is
    /// kept in a folder that anybody may remove.
    @Test(arguments: [false, true]) func whatAReadingFoundStaysKnown(_ isSource: Bool) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(3 << 20))
        try await user.run("sync")
        let car = "\(disk)/cars/\(root).car"
        var damaged = try bytes(at: car)
        damaged[2_000_000] ^= 1
        try write(damaged, to: car)
        if isSource {
            let home = user.home
            try write(Array("version: '1'\nsource: disk\n".utf8), to: home + "/config/main.yaml")
            try await user.run("dag", "export", root, "--output", user.folder + "/out.car", code: 10)
            try write(Array("version: '1'\n".utf8), to: home + "/config/main.yaml")
        } else {
            #expect(try await user.attempt(["cat", root, "--from", "disk"]).code == 10)
        }
        #expect(try await user.json("backend", "pin", "find", root).mappings[0].status == .text("corrupt"))
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        try await user.run("verify")
        try FileManager.default.removeItem(atPath: user.home + "/cache")
        try await user.run("snapshot", "show", "disk")
    }

    /// The requests, and what they carry, for a few bytes out of a long CAR.
    @Test func aFewBytesAreAFewRequests() async throws {
        var owner = try await User.ready("owner")
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await owner.createS3("cloud", bucket, endpoint: proxy.endpoint)
        let content = sampleBytes(7 << 20)
        let root = try await owner.add(content)
        try await owner.run("sync")
        let before = try await proxy.requests().count
        var reader = try await User.ready("reader")
        try await reader.createS3("cloud", bucket, endpoint: proxy.endpoint)
        let words = ["cat", root, "--from", "cloud", "--length", "4096", "--offset"]
        // Nobody here knows its length: that is asked for, and the index, the root, and the leaf.
        let cold = try await reader.attempt(words + ["4000000"])
        #expect(cold.output == Data(content[4_000_000..<4_004_096]), "\(cold.errorText)")
        let first = try await proxy.requests().dropFirst(before)
        #expect(first.count == 4, "\(first)")
        let warm = try await reader.attempt(words + ["2000000"])
        #expect(warm.output == Data(content[2_000_000..<2_004_096]), "\(warm.errorText)")
        let requests = try await proxy.requests().dropFirst(before + first.count)
        #expect(requests.count <= 2 && requests.allSatisfy { !$0.contains(".idx") }, "\(requests)")
        // A server that ignores ranges is told of, and gives the right bytes all the same.
        try await proxy.set([.whole.on("GET", path: ".car")], for: "whole")
        let ignored = try await reader.attempt(words + ["6000000"])
        #expect(ignored.output == Data(content[6_000_000..<6_004_096]))
        #expect(ignored.errorText.contains("ignores ranges"))
    }

    /// Whoever has the URL needs no key; nothing else that is printed or kept has it.
    @Test func aURLLeadsToWhatIsOnABackend() async throws {
        let bucket = try await Bucket.make(.seaweedfs)
        var user = try await User.ready()
        try await user.createS3("cloud", bucket)
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(400_000))
        try await user.run("sync")
        let url = try await user.run("backend", "pin", "url", "cloud", root, "--expires", "600").text
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let script = """
            import json, sys, urllib.request
            with urllib.request.urlopen(sys.argv[1]) as reply, open(sys.argv[2], "wb") as file: file.write(reply.read())
            print(json.dumps(True))
            """
        _ = try await Python.run(script, url, user.folder + "/got.car")
        #expect(try bytes(at: user.folder + "/got.car") == bytes(at: disk + "/cars/\(root).car"))

        let json = try await user.json("backend", "pin", "url", "cloud", root, "--expires", "600")
        #expect(json.urls[0].url.text?.contains("X-Amz-Expires=600&") == true)
        #expect(json.urls[0].name.text?.hasSuffix("\(root).car") == true && json.expires_at.text != nil)
        for command in ["backend pin list cloud", "backend show cloud", "status"] {
            let shown = try await user.attempt(command.split(separator: " ").map(String.init) + ["--json"])
            #expect(!shown.text.contains("X-Amz-"), "\(command)")
        }
        #expect(
            try Trees.files(in: user.home).allSatisfy { path in
                !String(decoding: try bytes(at: user.home + "/" + path), as: UTF8.self).contains("X-Amz-")
            }
        )
        for (words, code) in [
            (["cloud", root, "--expires", "604801"], 12), (["cloud", root, "--expires", "0"], 2), (["disk", root], 12),
            (["cloud", "bafkqaaa"], 4),
        ] {
            let result = try await user.attempt(["backend", "pin", "url"] + words)
            #expect(result.code == code && result.text.isEmpty, "\(words): \(result.errorText)")
        }
    }
}
