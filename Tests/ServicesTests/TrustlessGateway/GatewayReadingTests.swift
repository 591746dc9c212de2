import Foundation
import IPLD
import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// What is made of what hosts give, leave out, break off and make up.
@Suite(.inTurn, .timeLimit(.minutes(3))) struct GatewayReadingTests {
    static let large = SampleArchive(seed: 11, leaves: 60)

    /// Hosts that have an archive.
    static func hosts(_ count: Int, with archive: SampleArchive = large) async throws -> [GatewayServer] {
        var servers: [GatewayServer] = []
        for _ in 0..<count {
            let server = try await GatewayServer.start()
            try await server.keep(archive.bytes)
            servers.append(server)
        }
        return servers
    }

    static func open(
        _ servers: [GatewayServer],
        _ settings: [String: FieldValue] = [:],
        as word: String = "gateway",
        retries: Int = 0,
        timing: Timing = Timing(now: { 0 })
    ) async throws -> any ContentService {
        let values = settings.merging(["urls": .list(servers.map(\.endpoint))]) { given, _ in given }
        return try await Subject.open(word, values, retries: retries, timing: timing)
    }

    static func failure(_ work: () async throws -> Void) async -> StorageError? {
        do {
            try await work()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    private func read(_ content: any ContentService, _ archive: SampleArchive = large) async throws -> [UInt8] {
        try await collect(content.read(archive.root), limit: archive.bytes.count + (1 << 20))
    }

    /// What a host does to a CAR, of which single blocks can be had all the same.
    static let breakages = [
        ("cut", #"{"bytes":5000}"#), ("cut", #"{"bytes":40}"#), ("short", #"{"blocks":3}"#),
        ("short", #"{"blocks":0}"#),
        ("stop", #"{"blocks":7}"#), ("backwards", "{}"), ("repeat", "{}"), ("noise", #"{"blocks":5}"#),
        ("noise", #"{"blocks":200,"size":100000}"#), ("wrong-root", "{}"), ("no-cars", "{}"), ("header-only", "{}"),
    ]

    /// One host is enough: what its CAR does not bring it gives block by block, and what comes out is the CAR that
    /// every other reader of the root makes.
    @Test(arguments: breakages) func whatACARLeavesOutIsAskedFor(_ fault: (name: String, fields: String)) async throws {
        let servers = try await Self.hosts(1)
        try await servers[0].begin(fault.name, fault.fields)
        let found = try await read(try await Self.open(servers))
        #expect(found == Self.large.bytes)
    }

    /// A host that cuts every CAR after its first block brings all of it, and none of it twice.
    @Test func aHostThatCutsEachCARBringsAllOfIt() async throws {
        let servers = try await Self.hosts(1)
        try await servers[0].begin("short", #"{"blocks":1}"#)
        #expect(try await read(try await Self.open(servers)) == Self.large.bytes)
        let requests = try await servers[0].requests()
        #expect(Set(requests).count == requests.count, "\(requests)")
        #expect(requests.count <= Self.large.sections.count)
    }

    @Test func aWholeCARIsOneRequest() async throws {
        let servers = try await Self.hosts(2)
        #expect(try await read(try await Self.open(servers)) == Self.large.bytes)
        let requests = try await servers[0].requests()
        #expect(requests.count == 1 && requests[0].contains("dag-scope=all"), "\(requests)")
        #expect(try await servers[1].requests() == [])
    }

    /// What is not what it should be comes from another host, and who gave it is not asked any more.
    @Test(arguments: [3, 0]) func aLiarIsPassedOver(_ place: Int) async throws {
        let servers = try await Self.hosts(2)
        let lied = Self.large.sections[place].cid
        try await servers[0].begin("lie", #"{"cids":["\#(lied)"]}"#)
        let content = try await Self.open(servers)
        #expect(try await read(content) == Self.large.bytes)
        try await servers[0].forgetRequests()
        #expect(try await content.block(lied) == Array(Self.large.sections[place].bytes))
        #expect(try await servers[0].requests() == [])
    }

    @Test func aLiarAloneIsTold() async throws {
        let servers = try await Self.hosts(1)
        try await servers[0].begin("lie")
        let content = try await Self.open(servers)
        for work in [
            { () async throws in _ = try await read(content) },
            { () async throws in _ = try await content.block(Self.large.sections[5].cid) },
        ] {
            let error = await Self.failure(work)
            #expect(
                error?.code == .corrupt && error?.message.contains("127.0.0.1") == true,
                "\(String(describing: error))"
            )
        }
    }

    /// Each has a half, and none of them all.
    @Test func partsComeFromWhoHasThem() async throws {
        let servers = try await Self.hosts(2)
        let leaves = Self.large.sections.map(\.cid).filter { $0.codec == .raw }
        for (index, server) in servers.enumerated() {
            let hidden = leaves.enumerated().filter { $0.offset % 2 == index }.map { "\"\($0.element)\"" }
            try await server.begin("lose", #"{"cids":[\#(hidden.joined(separator: ","))]}"#)
        }
        #expect(try await read(try await Self.open(servers)) == Self.large.bytes)
    }

    /// A block that nobody has ends the read with an error, however much came before.
    @Test func whatNobodyHasIsTold() async throws {
        let servers = try await Self.hosts(2)
        let lost = Self.large.sections[20].cid
        for server in servers { try await server.begin("lose", #"{"cids":["\#(lost)"]}"#) }
        let content = try await Self.open(servers)
        let error = await Self.failure { _ = try await read(content) }
        #expect(error?.code == .unavailable && error?.message.contains("\(lost)") == true)
        let complete = try await Self.open(servers, ["complete": .flag(true)])
        #expect(await Self.failure { _ = try await read(complete) }?.code == .notFound)
    }

    @Test func hostsThatAreDownAreToldByName() async throws {
        let servers = try await Self.hosts(2)
        for server in servers { try await server.begin("status", #"{"status":503,"headers":{"Retry-After":"7"}}"#) }
        let content = try await Self.open(servers)
        let error = await Self.failure { _ = try await read(content) }
        #expect(error?.code == .unavailable && error?.retry == .later, "\(String(describing: error))")
        for server in servers { #expect(error?.message.contains(server.endpoint.dropFirst(7)) == true) }
        guard case .unknown = await content.presence(of: Self.large.root, at: nil) else {
            Issue.record("Something is known of hosts that do not answer.")
            return
        }
    }

    /// A file that lies on a web server under a name with its root in it.
    @Test func aCAROnAWebServerIsRead() async throws {
        let server = try SocketServer { connection in
            let head = connection.readHead()
            let isThere = head.contains("/cars/\("\(Self.large.root)".suffix(2))/\(Self.large.root).car ")
            let body = isThere ? Self.large.bytes : Array("404 page not found".utf8)
            connection.send(
                "HTTP/1.1 \(isThere ? 200 : 404) X\r\nContent-Type: \(isThere ? "application/octet-stream" : "text/plain")\r\n"
                    + "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
            )
            if head.hasPrefix("GET") { connection.send(body) }
        }
        let content = try await Self.open([], ["urls": .list([server.url + "/cars/{last2}/{cid}.car"])])
        #expect(!content.capabilities.contains(.blocks))
        #expect(try await read(content) == Self.large.bytes)
        let held = try #require(await content.presence(of: Self.large.root, at: nil).held)
        #expect(held.length == UInt64(Self.large.bytes.count))
        let other = SampleArchive(seed: 12).root
        guard case .unknown(let error) = await content.presence(of: other, at: nil) else {
            Issue.record("A web server has no words for what a gateway does not have.")
            return
        }
        #expect(error.code == .unavailable)
    }

    /// A link of the one before it is the next one: no host is asked for what stands in a CID.
    @Test func whatStandsInACIDIsAskedOfNobody() async throws {
        let servers = try await Self.hosts(1)
        let content = try await Self.open(servers)
        let inline = try CID("bafkqaddwgevxmmraojswg33smq")
        #expect(String(decoding: try await content.block(inline), as: UTF8.self) == "v1+v2 record")
        #expect(await content.presence(of: inline, at: nil).held != nil)
        let car = try await collect(content.read(inline), limit: 1000)
        #expect(String(decoding: car.suffix(12), as: UTF8.self) == "v1+v2 record")
        #expect(try await servers[0].requests() == [])
    }

    /// A hanging host is left by whoever is told to stop, at once.
    @Test func aReadThatIsStoppedStops() async throws {
        let servers = try await Self.hosts(1)
        try await servers[0].begin("hold")
        let content = try await Self.open(servers)
        let task = Task { await Self.failure { _ = try await read(content) } }
        #expect(try await holds(within: .seconds(30)) { try await servers[0].requests().count == 1 })
        task.cancel()
        #expect(await task.value?.code == .cancelled)
        try await servers[0].end("hold")
    }
}
