import Foundation
import IPLD
import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// Who is asked, when, and what its answers mean.
@Suite(.inTurn, .timeLimit(.minutes(3))) struct GatewayHostTests {
    private static let archive = SampleArchive(seed: 21)
    private static let root = archive.root

    private func hosts(_ count: Int) async throws -> [GatewayServer] {
        try await GatewayReadingTests.hosts(count, with: Self.archive)
    }

    private func presence(_ content: any ContentService) async -> Presence {
        await content.presence(of: Self.root, at: nil)
    }

    // MARK: Absence

    /// Only who is said to have all, and is known to be a gateway, says that something is absent.
    @Test(arguments: [true, false]) func absenceIsTheWordOfWhoHasAll(_ isComplete: Bool) async throws {
        let servers = [try await GatewayServer.start(), try await GatewayServer.start()]
        let content = try await GatewayReadingTests.open(servers, ["complete": .flag(isComplete)])
        #expect(content.capabilities.contains(.finds) == !isComplete)
        switch await presence(content) {
        case .absent: #expect(isComplete)
        case .unknown(let error): #expect(!isComplete && error.code == .unavailable && error.retry == .never)
        default: Issue.record("Nobody has it.")
        }
    }

    /// The statuses, with what they mean, and whether another host is asked.
    @Test(arguments: [
        (404, StorageError.Code.unavailable), (410, .permissionDenied), (451, .permissionDenied), (429, .rateLimited),
        (401, .badCredentials), (403, .permissionDenied), (400, .unsupported), (500, .unavailable), (502, .unavailable),
        (504, .unavailable), (416, .unexpected),
    ]) func aStatusMeansWhatItSays(_ status: Int, _ code: StorageError.Code) async throws {
        let servers = try await hosts(2)
        try await servers[0].begin("status", #"{"status":\#(status),"text":"no candidates"}"#)
        let alone = try await GatewayReadingTests.open([servers[0]])
        guard case .unknown(let error) = await presence(alone) else {
            Issue.record("\(status) is no answer to whether it is there.")
            return
        }
        #expect(error.code == code, "\(error)")
        #expect(error.message.contains("\(status)"))
        let reading = await GatewayReadingTests.failure { _ = try await collect(alone.read(Self.root), limit: 1 << 20) }
        #expect(reading != nil && reading?.code != .notFound)
        let both = try await GatewayReadingTests.open(servers)
        #expect(await presence(both).held != nil)
        #expect(try await collect(both.read(Self.root), limit: 1 << 20) == Self.archive.bytes)
    }

    /// A 404 of who is no gateway, of a page, or beside silence, says nothing of what is there.
    @Test(arguments: [
        #"{"status":404,"page":true,"type":"text/html"}"#, #"{"status":404,"type":"text/html; charset=utf-8"}"#,
        #"{"status":404,"text":"404 page not found"}"#,
    ]) func aBare404IsNoAbsence(_ fields: String) async throws {
        let server = try await GatewayServer.start()
        try await server.begin("status", fields)
        let content = try await GatewayReadingTests.open([server], ["complete": .flag(true)])
        guard case .unknown = await presence(content) else {
            Issue.record("Who gives not even the empty block is no gateway.")
            return
        }
    }

    @Test func absenceIsOfAllHosts() async throws {
        let servers = [try await GatewayServer.start(), try await GatewayServer.start()]
        try await servers[1].begin("status", #"{"status":502}"#)
        let content = try await GatewayReadingTests.open(servers, ["complete": .flag(true)])
        guard case .unknown(let error) = await presence(content) else {
            Issue.record("One of them did not answer.")
            return
        }
        #expect(error.retry == .later)
    }

    // MARK: What is no CAR

    /// Pages, and what a gateway gives that knows files alone, are told as that, and are not content.
    @Test(arguments: [
        ("status", #"{"status":200,"page":true,"type":"text/html"}"#, "web page"), ("files", "{}", "gives files"),
    ]) func whatIsNoCARIsTold(_ name: String, _ fields: String, _ words: String) async throws {
        let server = try await hosts(1)[0]
        try await server.begin(name, fields)
        let content = try await GatewayReadingTests.open([server])
        for work in [
            { () async throws in _ = try await collect(content.read(Self.root), limit: 1 << 20) },
            { () async throws in _ = try await content.block(Self.root) },
            { () async throws in _ = try await content.probe() },
            { () async throws in if case .unknown(let error) = await presence(content) { throw error } },
        ] {
            let error = await GatewayReadingTests.failure(work)
            #expect(error?.message.contains(words) == true, "\(String(describing: error))")
        }
    }

    // MARK: Redirects and tokens

    /// Where each CID has a name of its own, that is followed, and the token goes along.
    @Test func ownNamesOfCIDsAreFollowed() async throws {
        let server = try await GatewayServer.start(["--subdomains", "--token", "sesame-open"])
        try await server.keep(Self.archive.bytes)
        let address = server.endpoint.replacingOccurrences(of: "127.0.0.1", with: "localhost")
        let settings: [String: FieldValue] = ["urls": .list([address]), "bearer_token": .text("sesame-open")]
        let content = try await GatewayReadingTests.open([], settings)
        #expect(try await collect(content.read(Self.root), limit: 1 << 20) == Self.archive.bytes)
        #expect(await presence(content).held != nil)
        #expect(try await server.requests().allSatisfy { $0.hasSuffix(" token") })
        #expect(!content.capabilities.contains(.urls))
    }

    /// What is somewhere else is followed there, and nobody there sees the token.
    @Test func aTokenGoesToNobodyElse() async throws {
        let (server, other) = (try await GatewayServer.start(["--token", "sesame-open"]), try await hosts(1)[0])
        try await server.begin("redirect", #"{"to":"\#(other.endpoint)TARGET"}"#)
        let content = try await GatewayReadingTests.open([server], ["bearer_token": .text("sesame-open")])
        #expect(try await collect(content.read(Self.root), limit: 1 << 20) == Self.archive.bytes)
        #expect(try await server.requests().allSatisfy { $0.hasSuffix(" token") })
        let seen = try await other.requests()
        #expect(!seen.isEmpty && !seen.contains { $0.hasSuffix(" token") })
    }

    @Test func aCircleOfRedirectsEnds() async throws {
        let server = try await hosts(1)[0]
        try await server.begin("redirect", #"{"to":"TARGET"}"#)
        let content = try await GatewayReadingTests.open([server])
        let error = await GatewayReadingTests.failure { _ = try await content.block(Self.root) }
        #expect(error?.code == .unavailable && error?.message.contains("points somewhere else") == true)
        #expect(try await server.requests().count == 6)
    }

    /// What a redirect says, from where, and where it leads; nil where that is not followed.
    @Test(
        arguments: [
            ("https://gw.example/ipfs/x?format=raw", "https://x.ipfs.gw.example/?format=raw", true),
            ("https://gw.example/ipfs/x", "/elsewhere?a=b", true), ("https://gw.example/a", "//gw.example/b", true),
            ("https://gw.example/a", "https://cdn.example/b", false),
            ("https://gw.example/a", "http://gw.example/a", nil),
            ("https://gw.example/a", "https://127.0.0.1/a", nil), ("https://gw.example/a", "https://localhost/a", nil),
            ("https://gw.example/a", "https://a.localhost/a", nil), ("https://gw.example/a", "https://10.0.0.1/a", nil),
            ("https://gw.example/a", "https://[::1]/a", nil),
            ("https://gw.example/a", "https://169.254.169.254/a", nil),
            ("https://gw.example/a", "ftp://gw.example/a", nil),
            ("https://gw.example/a", "https://u:p@gw.example/a", nil),
            ("https://gw.example/a", "", nil), ("https://gw.example/a", "https://gw.example:8443/a", false),
            ("https://gw.example/a", "https://evilgw.example/a", false),
            ("http://gw.example/a", "https://gw.example/a", false),
            ("https://gw.example/a", "https://gw.example/b c", nil),
        ] as [(String, String, Bool?)]
    )
    func aRedirectIsFollowedWhereThatIsSafe(_ origin: String, _ location: String, _ isOwn: Bool?) throws {
        let scheme = origin.hasPrefix("https") ? "https" : "http"
        let home = try #require(HTTPAddress("\(scheme)://gw.example"))
        let redirect = GatewayRedirect(locatedAt: location, from: origin, maySeeToken: true, of: home)
        #expect(redirect?.isOwn == isOwn)
        let stranger = GatewayRedirect(locatedAt: location, from: origin, maySeeToken: false, of: home)
        #expect(stranger?.isOwn != true)
    }

    // MARK: Which host

    /// A host that failed comes after the others for a while, and longer each time; then it is the first again.
    @Test func aHostThatFailedIsPassedOverForAWhile() async throws {
        let (servers, clock) = (try await hosts(2), ManualClock())
        let timing = Timing(now: { clock.now }, uptime: { clock.uptime })
        let content = try await GatewayReadingTests.open(servers, timing: timing)
        func asks(_ index: Int) async throws -> Bool {
            for server in servers { try await server.forgetRequests() }
            _ = try await content.block(Self.root)
            return try await !servers[index].requests().isEmpty
        }
        try await servers[0].begin("status", #"{"status":502}"#)
        #expect(try await asks(0))
        for rest in [30, 60, 120] {
            clock.advance(by: .seconds(rest - 1))
            #expect(try await !asks(0), "It failed, and \(rest) s are not over.")
            clock.advance(by: .seconds(1))
            #expect(try await asks(0))
        }
        try await servers[0].end("status")
        clock.advance(by: .seconds(240))
        #expect(try await asks(0))
        #expect(try await !asks(1))
    }

    /// Who asks to be left alone is, and the others are asked meanwhile; all of them together hold the backend back.
    @Test func whoWantsToRestIsLeftAlone() async throws {
        let (servers, clock) = (try await hosts(2), ManualClock())
        let timing = Timing(now: { clock.now }, uptime: { clock.uptime })
        let content = try await GatewayReadingTests.open(servers, timing: timing)
        try await servers[0].begin("status", #"{"status":429,"headers":{"Retry-After":"100"}}"#)
        _ = try await content.block(Self.root)
        try await servers[0].forgetRequests()
        clock.advance(by: .seconds(99))
        _ = try await content.block(Self.root)
        #expect(try await servers[0].requests() == [])
        try await servers[1].begin("status", #"{"status":429,"headers":{"Retry-After":"50"}}"#)
        let error = await GatewayReadingTests.failure { _ = try await content.block(Self.root) }
        #expect(error?.code == .rateLimited && error?.retry == .after(.seconds(1)), "\(String(describing: error))")
    }

    /// A host that takes longer than it did in 95 of 100 cases has another one asked beside it, and is left then.
    @Test func aSecondHostIsAskedWhereTheFirstIsLate() async throws {
        let (servers, waits) = (try await hosts(2), Locked<[Duration]>([]))
        let isLate = Locked(false)
        let timing = Timing(now: { 0 }, uptime: { .zero }) { duration in
            waits.change { $0.append(duration) }
            while !isLate.read({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
        }
        let content = try await GatewayReadingTests.open(servers, timing: timing)
        try await servers[0].begin("hold")
        let task = Task { try await content.block(Self.root) }
        #expect(try await holds(within: .seconds(30)) { try await servers[0].requests().count == 1 })
        #expect(try await servers[1].requests() == [])
        isLate.change { $0 = true }
        #expect(try await task.value == Array(try #require(Self.archive.sections.first).bytes))
        #expect(waits.read { $0 } == [.seconds(3)])
        try await servers[0].end("hold")
    }

    @Test func whatIsUsualIsLearnt() {
        let clock = ManualClock()
        let health = GatewayHealth(clock.timing)
        #expect(health.usualTime(for: .block) == .seconds(3))
        for number in 1...100 { health.note(answerTo: .block, after: .milliseconds(number * 10)) }
        // Of the last 64 times, 95 of 100 were not longer.
        #expect(health.usualTime(for: .block) == .milliseconds(970))
        #expect(health.usualTime(for: .car) == .seconds(3))
        for _ in 0..<64 { health.note(answerTo: .block, after: .milliseconds(1)) }
        #expect(health.usualTime(for: .block) == .milliseconds(50))
    }

    // MARK: Settings

    /// Settings that can never be right, and a part of the sentence that says so.
    @Test(
        arguments: [
            ("gateway", ["urls": .list(["ftp://gw.example"])], "no URL"),
            ("gateway", ["urls": .list(["https://gw.example/{hash}"])], "no URL"),
            ("gateway", ["urls": .list(["https://gw.example"]), "protocols": .list(["http"])], "lassie alone"),
            ("gateway", ["urls": .list(["https://gw.example/{cid}.car"]), "complete": .flag(true)], "no words"),
            ("lassie", ["urls": .list(["http://127.0.0.1:1"]), "complete": .flag(true)], "nothing itself"),
            ("lassie", ["urls": .list(["http://127.0.0.1:1"]), "providers": .list(["peer"])], "multiaddrs"),
            ("gateway", ["urls": .list(["http://gw.example"]), "bearer_token": .text("sesame-open")], "Without TLS"),
            (
                "gateway",
                ["urls": .list(["https://a.example", "https://b.test"]), "bearer_token": .text("sesame-open")],
                "one owner"
            ),
            ("saturn", [:], "no sign of life"), ("lassie", [:], "LASSIE_PORT"), ("gateway", [:], "IPFS_GATEWAY"),
        ] as [(String, [String: FieldValue], String)]
    )
    func settingsThatCannotBeRightAreRefused(
        _ word: String,
        _ settings: [String: FieldValue],
        _ words: String
    ) async throws {
        let error = await GatewayReadingTests.failure { _ = try await Subject.open(word, settings) }
        #expect(error?.code == .badSettings && error?.message.contains(words) == true, "\(String(describing: error))")
    }

    @Test func lassieIsToldHowToFetch() async throws {
        let server = try await GatewayServer.start(["--lassie"])
        try await server.keep(Self.archive.bytes)
        let content = try await GatewayReadingTests.open(
            [server],
            [
                "protocols": .list(["http"]), "providers": .list(["/dns/gw.example/tcp/443/https/p2p/12D3KooW"]),
                "block_limit": .integer(500),
            ],
            as: "lassie"
        )
        #expect(try await collect(content.read(Self.root), limit: 1 << 20) == Self.archive.bytes)
        _ = try await content.block(Self.archive.sections[1].cid)
        #expect(await presence(content).held != nil)
        #expect(try await content.probe().contains("Lassie"))
        let requests = try await server.requests()
        #expect(
            requests.allSatisfy { $0.hasPrefix("GET") && $0.contains("protocols=http&providers=%2Fdns%2Fgw.example") }
        )
        #expect(requests.allSatisfy { $0.contains("blockLimit=500") })
    }

    @Test func aURLLeadsToTheCAR() async throws {
        let servers = try await hosts(2)
        let content = try await GatewayReadingTests.open(servers)
        let urls = try await content.urls(of: Self.root, at: nil, until: Timestamp(milliseconds: 0))
        let curl = try #require(Programs.find("curl"))
        let result = try await ProcessRunner.run(curl, ["-s", "-f", try #require(urls.first).text])
        #expect(Array(result.output) == Self.archive.bytes)
    }
}
