import Foundation
import Samples
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// A backend on a node that is held to recorded exchanges, and that goes wrong where it is told to.
@Suite(.inTurn, .timeLimit(.minutes(3))) struct KuboNodeTests {
    private static func settings(_ server: KuboServer, _ auth: String = "") throws -> KuboSettings {
        try KuboSettings(values: ["api_url": .text(server.endpoint), "api_auth": .text(auth)])
    }

    private static func context(retries: Int = 0, meter: Meter = Meter()) -> ServiceContext {
        var operational = OperationalSettings()
        operational.retryCount = retries
        return ServiceContext(
            backend: "node",
            type: "ipfs",
            operational: operational,
            policy: CallPolicy(
                backend: "node",
                operational,
                timing: Timing(now: { Int64(Date().timeIntervalSince1970 * 1000) }),
                meter: meter
            ),
            environment: { _ in nil }
        )
    }

    private func open(
        _ server: KuboServer,
        auth: String = "",
        retries: Int = 0,
        meter: Meter = Meter()
    ) async throws -> any ContentService {
        try await Kubo.open(Self.settings(server, auth), in: Self.context(retries: retries, meter: meter))
    }

    private func code(_ work: () async throws -> Void) async -> StorageError.Code? { await failure(work)?.code }

    private func failure(_ work: () async throws -> Void) async -> StorageError? {
        do {
            try await work()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    private func isPresent(_ presence: Presence) -> Bool { if case .present = presence { true } else { false } }

    @Test func aRootIsOneRequestToStoreAndNoneToForget() async throws {
        let (server, meter) = (try await KuboServer.start(), Meter())
        let content = try await open(server, meter: meter)
        let archive = SampleArchive(seed: 1)
        #expect(
            try await content.store(Upload(archive.root, archive.body))
                == .stored(Location("\(archive.root)"), proof: nil)
        )
        try await content.clear(archive.root, mayResume: false)
        #expect(try await server.requests().count == 1)
        let first = try #require(try await server.requests().first)
        #expect(first.hasPrefix("POST /api/v0/dag/import?") && first.contains("pin-roots=true"))
        #expect(meter.counts.calls == 1 && meter.counts.puts == 1)
        // The bytes of the CAR, and a few around them.
        let sent = meter.counts.bytesStored
        #expect(sent > UInt64(archive.bytes.count) && sent < UInt64(archive.bytes.count) + 500)
    }

    /// The CAR that comes back is the one that was sent, byte for byte.
    @Test func aReadGivesTheDeterministicCAR() async throws {
        let content = try await open(try await KuboServer.start())
        for archive in [SampleArchive(seed: 2, leaves: 300), .versionZero(seed: 3)] {
            _ = try await content.store(Upload(archive.root, archive.body))
            #expect(try await collect(content.read(archive.root), limit: 1 << 20) == archive.bytes)
        }
    }

    @Test func aListOfPinsIsOneRequestAndHasTheirNames() async throws {
        let server = try await KuboServer.start()
        let content = try await open(server)
        let archives = (0..<40).map { SampleArchive(seed: 100 + $0) }
        for archive in archives { _ = try await content.store(Upload(archive.root, archive.body)) }
        try await server.command("pin/add?arg=\(archives[7].root)&name=seven%20of%20us")
        try await server.forgetRequests()
        let node = try await KuboNode(Self.settings(server), in: Self.context())
        var found: [String: String] = [:]
        for try await page in node.pins(withNames: true) { for pin in page { found[pin.text] = pin.name } }
        #expect(try await server.requests().count == 1)
        #expect(Set(archives.map { "\($0.root)" }).isSubset(of: found.keys))
        #expect(found["\(archives[7].root)"] == "seven of us" && found["\(archives[8].root)"] == "")
    }

    @Test func aNodeSaysWhoItIsAndWhatItHolds() async throws {
        let server = try await KuboServer.start()
        let node = try await KuboNode(Self.settings(server), in: Self.context())
        #expect(try await node.identity() == node.identity())
        #expect(try await server.requests().count { $0.contains("/id") } == 1)
        let usage = try await node.usage()
        #expect(usage.used != nil && usage.free != nil)
        let archive = SampleArchive(seed: 4)
        try await node.load(archive.body, pinning: archive.root)
        let block = try await node.block(archive.root)
        #expect(try await node.blockLength(archive.root) == UInt64(block.count))
        let other = SampleArchive(seed: 5).root
        #expect(await code { _ = try await node.block(other) } == .notFound)
        #expect(await code { _ = try await node.blockLength(other) } == .notFound)
    }

    /// Two backends that lead to one node have one copy, whatever they are called.
    @Test func twoWaysToANodeLeadToOnePlace() async throws {
        let server = try await KuboServer.start()
        let proxy = try await FaultyProxy.start(before: server.endpoint, [])
        let archive = SampleArchive(seed: 6)
        let content = try await open(server)
        _ = try await content.store(Upload(archive.root, archive.body))
        let values: [String: FieldValue] = ["api_url": .text(proxy.endpoint), "folder": .text("/elsewhere")]
        let other = try await Kubo.open(try KuboSettings(values: values), in: Self.context())
        var places: [String?] = []
        for content in [content, other] {
            guard case .present(let held) = await content.presence(of: archive.root, at: nil) else { continue }
            places.append(held.place)
        }
        #expect(places.count == 2 && places[0] != nil && places[0] == places[1])
    }

    @Test func unpinningLeavesTheBlocksToTheNode() async throws {
        let server = try await KuboServer.start()
        let content = try await open(server)
        let archive = SampleArchive(seed: 8)
        _ = try await content.store(Upload(archive.root, archive.body))
        try await content.remove(archive.root, at: nil)
        #expect(try await content.block(archive.root).isEmpty == false)
        // What nobody pins is no copy: the node may collect it at any time.
        #expect(await code { _ = try await collect(content.read(archive.root), limit: 1 << 20) } == .notFound)
        try await server.command("repo/gc")
        #expect(await code { _ = try await content.block(archive.root) } == .notFound)
    }

    @Test(arguments: ["trailer", "end", "close"])
    func anExportThatIsCutIsNeverWhole(_ how: String) async throws {
        let server = try await KuboServer.start()
        let content = try await open(server)
        let archive = SampleArchive(seed: 9, leaves: 50)
        _ = try await content.store(Upload(archive.root, archive.body))
        try await server.begin("export-cut", #"{"bytes": 3000, "how": "\#(how)"}"#)
        guard how == "end" else {
            let error = await failure { _ = try await collect(content.read(archive.root), limit: 1 << 20) }
            #expect(error?.code == .unavailable && error?.retry == .later, "\(String(describing: error))")
            return
        }
        // The node itself takes it for whole; then what came is not, and whoever reads the blocks sees that.
        let bytes = try await collect(content.read(archive.root), limit: 1 << 20)
        #expect(archive.problem(of: bytes) != nil)
    }

    @Test func aBlockThatTheNodeLostIsDamage() async throws {
        let server = try await KuboServer.start()
        let content = try await open(server)
        let archive = SampleArchive(seed: 10, leaves: 5)
        _ = try await content.store(Upload(archive.root, archive.body))
        try await server.begin("lose-block", #"{"cid": "\#(archive.root)"}"#)
        #expect(await code { _ = try await collect(content.read(archive.root), limit: 1 << 20) } == .corrupt)
        #expect(isPresent(await content.presence(of: archive.root, at: nil)))
    }

    @Test(arguments: [
        ("pin-error", #"{"message": "context deadline exceeded"}"#, StorageError.Code.unavailable, true),
        ("pin-error", #"{"message": "no space left on device"}"#, .quotaExceeded, true),
        ("trailer", #"{"message": "context canceled"}"#, .unavailable, true),
        ("gc-before-pin", "{}", .corrupt, true), ("reset", #"{"when": "after"}"#, .unavailable, true),
        ("reset", #"{"when": "before"}"#, .unavailable, true), ("status", #"{"status": 503}"#, .unavailable, true),
        ("status", #"{"status": 429, "text": "slow"}"#, .rateLimited, false),
        ("status", #"{"status": 404, "text": "404 page not found"}"#, .badSettings, false),
    ]) func whatTheNodeDidNotPinWasNotStored(
        _ fault: String,
        _ fields: String,
        _ code: StorageError.Code,
        _ mayHaveHappened: Bool
    ) async throws {
        let server = try await KuboServer.start(["--fault", "\(fault)=\(fields)"])
        let content = try await open(server)
        let archive = SampleArchive(seed: 11)
        let error = await failure { _ = try await content.store(Upload(archive.root, archive.body)) }
        #expect(error?.code == code, "\(String(describing: error))")
        #expect(error?.mayHaveHappened == mayHaveHappened, "\(String(describing: error))")
    }

    @Test func praiseBeforeTheBodyIsNoPin() async throws {
        let archive = SampleArchive(seed: 12, leaves: 20_000)
        let server = try await KuboServer.start(["--fault", #"import-early={"roots": ["\#(archive.root)"]}"#])
        let content = try await open(server)
        #expect(await failure { _ = try await content.store(Upload(archive.root, archive.body)) } != nil)
        guard case .absent = await content.presence(of: archive.root, at: nil) else {
            Issue.record("It is said to be there.")
            return
        }
    }

    /// A pin that was told of and is not kept is seen by whoever reads it back.
    @Test func aPinThatIsForgottenIsMissed() async throws {
        let server = try await KuboServer.start(["--fault", "forget-pin={}"])
        let content = try await open(server)
        let archive = SampleArchive(seed: 13)
        _ = try await content.store(Upload(archive.root, archive.body))
        #expect(await code { _ = try await collect(content.read(archive.root), limit: 1 << 20) } == .notFound)
    }

    @Test func aRequestThatFailedOnceIsMadeAgain() async throws {
        let server = try await KuboServer.start(["--fault", #"status={"status": 503, "times": 2}"#])
        let meter = Meter()
        let content = try await open(server, retries: 3, meter: meter)
        let archive = SampleArchive(seed: 14)
        _ = try await content.store(Upload(archive.root, archive.body))
        #expect(isPresent(await content.presence(of: archive.root, at: nil)))
        #expect(try await server.requests().count == Int(meter.counts.calls))
        #expect(meter.counts.puts == 3 && meter.counts.failures == 2)
    }

    @Test func theRightSecretOpens() async throws {
        let server = try await KuboServer.start(["--auth", "right-token", "--auth", "me:right-word"])
        let archive = SampleArchive(seed: 15)
        for secret in ["bearer:right-token", "basic:me:right-word"] {
            let content = try await open(server, auth: secret)
            _ = try await content.store(Upload(archive.root, archive.body))
            #expect(isPresent(await content.presence(of: archive.root, at: nil)))
        }
        for secret in ["", "bearer:wrong-token", "basic:me:wrong-word"] {
            let content = try await open(server, auth: secret)
            let error = await failure { _ = try await content.store(Upload(archive.root, archive.body)) }
            #expect(error?.code == .badCredentials && error?.message.contains("wrong-") == false)
            guard case .unknown = await content.presence(of: archive.root, at: nil) else {
                Issue.record("A refusal was taken for an answer.")
                return
            }
        }
    }

    @Test func aNodeThatIsNotThereIsNoAnswer() async throws {
        let values: [String: FieldValue] = ["api_url": .text("http://127.0.0.1:1")]
        let content = try await Kubo.open(try KuboSettings(values: values), in: Self.context())
        let root = SampleArchive(seed: 16).root
        guard case .unknown(let error) = await content.presence(of: root, at: nil) else {
            Issue.record("Nobody could have answered.")
            return
        }
        #expect(error.code == .unavailable)
        #expect(await code { try await content.remove(root, at: nil) } == .unavailable)
        #expect(await code { for try await _ in content.roots() {} } == .unavailable)
    }
}
