import Foundation
import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// What is made of a cluster, or of somebody in its place, that answers as it should not.
@Suite(.inTurn, .timeLimit(.minutes(3))) struct ClusterHostileTests {
    private func open(_ server: ClusterServer, retries: Int = 0) async throws -> any ContentService {
        var operational = OperationalSettings()
        operational.retryCount = retries
        operational.timeout = 5
        let timing = Timing(now: { Int64(Date().timeIntervalSince1970 * 1000) }, sleep: { _ in })
        let context = ServiceContext(
            backend: "cluster",
            type: "ipfs_cluster",
            operational: operational,
            policy: CallPolicy(backend: "cluster", operational, timing: timing),
            environment: { _ in nil }
        )
        let values: [String: FieldValue] = [
            "api_url": .text(server.endpoint), "proxy_url": .list(server.proxies),
        ]
        return try await IPFSCluster.open(try ClusterSettings(values: values), in: context)
    }

    private func failure(_ work: () async throws -> Void) async -> StorageError? {
        do {
            try await work()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    private func isUnknown(_ presence: Presence) -> Bool { if case .unknown = presence { true } else { false } }

    @Test(arguments: [
        ("stream-error", #"{"after": 1}"#), ("stream-error", #"{"after": 5, "message": "it broke"}"#),
        ("no-trailer", "{}"), ("cut", "{}"), ("long-line", "{}"), ("garbage", "{}"), ("page", "{}"),
        ("garbage", #"{"text": "{\"error\": 1}"}"#), ("garbage", #"{"text": "[]"}"#),
        ("status", #"{"status": 500, "message": "context canceled"}"#), ("status", #"{"status": 404, "text": "no"}"#),
        ("status", #"{"status": 404, "message": "not found"}"#), ("reset", "{}"), ("reset", #"{"when": "after"}"#),
    ]) func aListThatDoesNotEndAsItShouldIsNoList(_ fault: String, _ fields: String) async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server)
        for seed in 0..<3 { _ = try await content.store(SampleArchive(seed: UInt64(seed)).upload) }
        try await server.begin(fault, fields)
        let error = await failure { for try await _ in content.roots() {} }
        #expect(error != nil && error?.code != .notFound, "\(String(describing: error))")
        try await server.end(fault)
        #expect(await failure { for try await _ in content.roots() {} } == nil)
    }

    /// Neither a page, nor a status alone, nor words about something else tell that a root is there or not.
    @Test(arguments: [
        ("page", "{}"), ("wrong-cid", "{}"), ("status", #"{"status": 404, "text": "404 page not found"}"#),
        ("status", #"{"status": 404, "message": "not found"}"#), ("status", #"{"status": 200, "text": ""}"#),
        ("status", #"{"status": 500, "message": "not found"}"#), ("status", #"{"status": 429, "text": "slow down"}"#),
        ("status", #"{"status": 503, "text": "later", "headers": {"Retry-After": "7"}}"#), ("reset", "{}"),
        ("status", #"{"status": 200, "text": "{}", "headers": {"X": "y"}}"#), ("say", #"{"status": "nonsense"}"#),
    ]) func whatIsNoAnswerSaysNothing(_ fault: String, _ fields: String) async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server)
        let archive = SampleArchive(seed: 20)
        _ = try await content.store(archive.upload)
        try await server.begin(fault, fields)
        #expect(isUnknown(await content.presence(of: archive.root, at: nil)), "\(fault) \(fields)")
        let other = await content.presence(of: SampleArchive(seed: 21).root, at: nil)
        #expect(isUnknown(other) || fault == "say", "\(fault) \(fields)")
    }

    @Test(arguments: [
        ("stream-error", #"{"after": 0}"#, StorageError.Code.unavailable),
        ("stream-error", #"{"after": 1, "message": "no space left on device"}"#, .quotaExceeded),
        ("no-trailer", "{}", .unavailable), ("cut", "{}", .unavailable), ("wrong-cid", #"{"times": 1}"#, .unavailable),
        ("page", #"{"method": "POST"}"#, .unavailable), ("forget-pin", "{}", .unavailable),
        ("status", #"{"method": "POST", "status": 500, "message": "not enough peers to allocate CID"}"#, .unavailable),
        ("status", #"{"method": "POST", "status": 413, "text": "large"}"#, .tooLarge),
        ("status", #"{"method": "POST", "status": 403, "message": "no"}"#, .permissionDenied),
        ("reset", #"{"method": "POST", "when": "after"}"#, .unavailable),
        ("reset", #"{"method": "POST", "when": "before"}"#, .unavailable),
    ]) func whatTheClusterDidNotTakeWasNotStored(
        _ fault: String,
        _ fields: String,
        _ code: StorageError.Code
    ) async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server)
        let archive = SampleArchive(seed: 22)
        try await server.begin(fault, fields)
        let error = await failure { _ = try await content.store(archive.upload) }
        #expect(error?.code == code, "\(String(describing: error))")
    }

    /// An answer before the body has gone is no answer.
    @Test func praiseBeforeTheBodyIsNoPin() async throws {
        let server = try await ClusterServer.start(["--fault", "early-add={}"])
        let content = try await open(server)
        let archive = SampleArchive(seed: 23, leaves: 20_000)
        #expect(await failure { _ = try await content.store(archive.upload) } != nil)
        guard case .absent = await content.presence(of: archive.root, at: nil) else {
            Issue.record("It is said to be there.")
            return
        }
    }

    @Test func whatWasRemovedAndNotSaidIsRemovedAgain() async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server, retries: 2)
        let archive = SampleArchive(seed: 24)
        _ = try await content.store(archive.upload)
        try await server.begin("reset", #"{"method": "DELETE", "when": "after", "times": 1}"#)
        try await content.remove(archive.root, at: nil)
        guard case .absent = await content.presence(of: archive.root, at: nil) else {
            Issue.record("It was removed.")
            return
        }
    }

    @Test func aListMayNameOneTwice() async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server)
        _ = try await content.store(SampleArchive(seed: 25).upload)
        try await server.begin("duplicates")
        var roots: [CID] = []
        for try await page in content.roots() { roots += page.map(\.root) }
        #expect(roots.count == 2 && Set(roots).count == 1)
    }

    /// A request that failed once is made again, and what was told with it is not told twice.
    @Test func aRequestThatFailedOnceIsMadeAgain() async throws {
        let server = try await ClusterServer.start()
        let content = try await open(server, retries: 3)
        try await server.begin("status", #"{"status": 503, "text": "later", "times": 2}"#)
        let archive = SampleArchive(seed: 26)
        #expect(try await content.store(archive.upload) == .stored(Location("\(archive.root)"), proof: nil))
    }
}
