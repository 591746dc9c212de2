import Foundation
import Samples
import TestKit
import Testing

/// Who reads beside somebody who changes the backend says nothing of what was changed meanwhile.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct BesideWriterTests {
    /// A user with an S3 backend in step; the first read of content from it stands still, until “slow” is cleared.
    private func slowReader(_ roots: Int) async throws -> (user: User, proxy: FaultyProxy, roots: [String]) {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await user.createS3("place", bucket, endpoint: proxy.endpoint, "--max-connections", "1", "--timeout", "300")
        var added: [String] = []
        for number in 0..<roots {
            added.append(try await user.add(sampleBytes(30_000, seed: UInt64(number + 1)), name: "f\(number)"))
        }
        try await user.run("sync")
        try await proxy.set([.pause(1000).on("GET", path: "/cars/", times: 1...1)], for: "slow")
        return (user, proxy, added)
    }

    /// Waits until `verify` is in the middle of some content, of which nothing was read before, and says of which.
    private func reading(_ verify: Running, _ proxy: FaultyProxy, _ roots: [String]) async throws -> String {
        func read() async throws -> String? {
            let requests = try await proxy.requests().filter { $0.hasPrefix("GET ") }
            return roots.first { root in requests.contains { $0.contains("/cars/\(root).car") } }
        }
        try await verify.wait { try await read() != nil }
        return try #require(try await read())
    }

    enum Removed: CaseIterable { case whatIsBeingRead, whatIsReadNext }

    @Test(arguments: Removed.allCases)
    func whatIsPrunedMeanwhileIsNeitherStoredNorLost(_ which: Removed) async throws {
        let (user, proxy, roots) = try await slowReader(2)
        let verify = try Running(user, "verify", "--json")
        let current = try await reading(verify, proxy, roots)
        let gone = try #require(which == .whatIsBeingRead ? current : roots.first { $0 != current })
        try await user.run("pin", "rm", gone)
        #expect(try await user.json("sync", "--prune").backends[0].removed.int == 1)
        try await proxy.clear("slow")
        #expect(await verify.end() == 0, "\(verify.output)\(verify.errors)")
        let row = try Answer.parse(verify.output).backends[0]
        #expect(row.missing.int == 0 && row.corrupt.int == 0 && row.whole.int == 1 && row.superseded.int == 1)
        #expect(try await user.mapping(gone, on: "place") == nil)
        #expect(try await user.json("verify").backends[0].whole.int == 1)
        // Nobody believes that the bytes are there still.
        try await user.run("pin", "add", gone)
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int == 2)
    }

    enum Again: CaseIterable { case elsewhere, atTheSamePlace }

    /// The backend is removed beside a reader, and another one is made under its name.
    @Test(arguments: Again.allCases)
    func whatWasReadOfTheOldBackendIsNotWrittenToTheNew(_ again: Again) async throws {
        let (user, proxy, roots) = try await slowReader(1)
        let verify = try Running(user, "verify", "--json")
        _ = try await reading(verify, proxy, roots)
        let settings = try bytes(at: user.home + "/backend_configs/place.yaml")
        try await user.run("backend", "remove", "place", "--force")
        switch again {
        case .elsewhere: try await user.createDisk("place")
        case .atTheSamePlace: try write(settings, to: user.home + "/backend_configs/place.yaml")
        }
        _ = try await user.json("backend", "list")
        try await proxy.clear("slow")
        _ = await verify.end()
        #expect(try await user.mapping(roots[0], on: "place") == nil)
        #expect(try await user.dirty() == ["place"])
        let sync = try await user.json("sync").backends[0]
        #expect(sync.uploaded.int == (again == .elsewhere ? 1 : 0) && sync.adopted.int == (again == .elsewhere ? 0 : 1))
        #expect(try await user.json("verify").backends[0].whole.int == 1)
    }

    /// The same beside a sync: the upload was to the old place.
    @Test func anUploadToTheOldBackendSaysNothingOfTheNew() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [])
        try await proxy.set([.hold.on("PUT", path: "/cars/")], for: "slow")
        try await user.createS3("place", bucket, endpoint: proxy.endpoint, "--timeout", "300")
        let root = try await user.add(sampleBytes(2000))
        let sync = try Running(user, "sync", "--json")
        try await sync.wait { try await proxy.count("PUT", path: "/cars/") > 0 }
        try await user.run("backend", "remove", "place", "--force")
        let disk = try await user.createDisk("place")
        _ = try await user.json("backend", "list")
        try await proxy.clear("slow")
        #expect(await sync.end() != 0, "\(sync.output)")
        #expect(try await user.mapping(root, on: "place") == nil)
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try Trees.files(in: disk).contains("cars/\(root).car"))
    }

    /// What is known was forgotten and found out anew while it was read.
    @Test func whatIsLookedAtAnewMeanwhileIsNotOverwritten() async throws {
        let (user, proxy, roots) = try await slowReader(1)
        let verify = try Running(user, "verify", "--json")
        _ = try await reading(verify, proxy, roots)
        try await user.run("backend", "pin", "remove", "place", roots[0])
        #expect(try await user.json("sync", "--force").backends[0].adopted.int == 1)
        let known = try await user.mapping(roots[0], on: "place")
        #expect(known?.verify_method == .text("listed-md5"))
        try await proxy.clear("slow")
        _ = await verify.end()
        #expect(try await user.mapping(roots[0], on: "place") == known)
        #expect(try Answer.parse(verify.output).backends[0].superseded.int == 1)
    }
}
