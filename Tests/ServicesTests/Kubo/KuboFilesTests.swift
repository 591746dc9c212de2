import Digests
import Foundation
import Samples
import Schema
import Storage
import TestKit
import Testing

@testable import Services

/// What homes leave in the files of a node.
@Suite(.inTurn, .timeLimit(.minutes(3))) struct KuboFilesTests {
    private let name = ObjectName("kits/one/home.here")

    private func objects(
        _ server: KuboServer,
        at endpoint: String? = nil,
        retries: Int = 0
    ) async throws -> any StorageService {
        var operational = OperationalSettings()
        operational.retryCount = retries
        let timing = Timing(now: { Int64(Date().timeIntervalSince1970 * 1000) })
        let context = ServiceContext(
            backend: "node",
            type: "ipfs",
            operational: operational,
            policy: CallPolicy(backend: "node", operational, timing: timing),
            environment: { _ in nil }
        )
        let settings = try KuboSettings(values: ["api_url": .text(endpoint ?? server.endpoint)])
        return try #require(try await Kubo.open(settings, in: context).objects)
    }

    /// The names in the folder, as the node lists them.
    private func names(_ server: KuboServer) async throws -> [String] {
        let rows = try JSON(reading: try await server.command("files/ls?arg=/ipfs-kit"))["Entries"]?.items ?? []
        return rows.compactMap { $0["Name"]?.string }
    }

    private func failure(_ work: () async throws -> Void) async -> StorageError? {
        do {
            try await work()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    /// The node's word on what it got is the hash of the bytes, which it was not sent.
    @Test(arguments: [0, 1, 1 << 20]) func theNodesCIDProvesTheBytes(_ count: Int) async throws {
        let objects = try await objects(try await KuboServer.start())
        let bytes = sampleBytes(count)
        let name = try #require(name)
        let proof = try await objects.put(name, Body(bytes)).proof
        let digest = try await Body(bytes).digest(.sha256)
        #expect(proof == .sha256(digest))
        #expect(try await objects.stat(name).digest == proof)
    }

    @Test func whatHasMoreBlocksIsReadBackByOthers() async throws {
        let objects = try await objects(try await KuboServer.start())
        let name = try #require(name)
        let bytes = sampleBytes(1 << 20 + 1)
        #expect(try await objects.put(name, Body(bytes)).proof == nil)
        #expect(try await collect(objects.read(name), limit: 2 << 20) == bytes)
    }

    @Test func whatDidNotGetItsNameGoesAway() async throws {
        let server = try await KuboServer.start()
        let objects = try await objects(server)
        let name = try #require(name)
        _ = try await objects.put(name, Body([1]))
        try await server.begin("status", #"{"status": 500, "message": "it broke", "command": "files/mv"}"#)
        #expect(await failure { _ = try await objects.put(name, Body([2])) } != nil)
        #expect(try await names(server) == ["kits%2Fone%2Fhome.here"])
        #expect(try await collect(objects.read(name), limit: 10) == [1])
    }

    /// The answer to a move has no words: only a look shows that it was made.
    @Test func aNameThatWasNotGivenIsMissed() async throws {
        let server = try await KuboServer.start()
        let answer = FaultyProxy.Rule.status(200, ["Content-Type": "application/json"])
        let proxy = try await FaultyProxy.start(before: server.endpoint, [answer.on("POST", path: "files/mv")])
        let name = try #require(name)
        _ = try await objects(server).put(name, Body([1]))
        let error = await failure { _ = try await objects(server, at: proxy.endpoint).put(name, Body([2])) }
        #expect(error?.mayHaveHappened == true)
        #expect(try await collect(objects(server).read(name), limit: 10) == [1])
        #expect(try await names(server) == ["kits%2Fone%2Fhome.here"])
    }

    /// A folder that somebody put in the place of an object is neither replaced nor filled.
    @Test func aFolderInThePlaceOfAnObjectStays() async throws {
        let server = try await KuboServer.start()
        let objects = try await objects(server)
        let name = try #require(name)
        let path = "/ipfs-kit/kits%252Fone%252Fhome.here"
        try await server.command("files/mkdir?arg=\(path)&parents=true")
        #expect(await failure { _ = try await objects.put(name, Body([1])) }?.code == .exists)
        #expect(await failure { _ = try await objects.stat(name) }?.code == .exists)
        #expect(await failure { try await objects.delete(name) } != nil)
        #expect(try await names(server) == ["kits%2Fone%2Fhome.here"])
        let inside = try JSON(reading: try await server.command("files/ls?arg=\(path)"))
        #expect(inside["Entries"] == .null)
    }

    /// Whoever removes the folder keeps nobody from using it again.
    @Test func aFolderThatWentIsMadeAgain() async throws {
        let server = try await KuboServer.start()
        let objects = try await objects(server, retries: 2)
        let name = try #require(name)
        _ = try await objects.put(name, Body([1]))
        try await server.command("files/rm?arg=/ipfs-kit&recursive=true")
        #expect(await failure { _ = try await objects.stat(name) }?.code == .notFound)
        var pages = 0
        for try await page in objects.list("") where !page.isEmpty { pages += 1 }
        #expect(pages == 0)
        _ = try await objects.put(name, Body([2]))
        #expect(try await collect(objects.read(name), limit: 10) == [2])
    }

    /// A file whose blocks are gone is there, and damaged.
    @Test func aFileWithoutItsBlocksIsDamage() async throws {
        let server = try await KuboServer.start()
        let objects = try await objects(server)
        let name = try #require(name)
        let bytes = sampleBytes(3 << 20)
        _ = try await objects.put(name, Body(bytes))
        let value = try JSON(reading: try await server.command("files/stat?arg=/ipfs-kit/kits%252Fone%252Fhome.here"))
        let cid = try #require(value["Hash"]?.string)
        let links = try await server.command("refs?arg=\(cid)")
        let leaf = try #require(
            String(decoding: links, as: UTF8.self).split(separator: "\n").dropFirst().first.flatMap {
                try? JSON(reading: $0.utf8)["Ref"]?.string
            }
        )
        try await server.begin("lose-block", #"{"cid": "\#(leaf)"}"#)
        let error = await failure { _ = try await collect(objects.read(name), limit: 4 << 20) }
        #expect(error?.code == .corrupt, "\(String(describing: error))")
    }
}
