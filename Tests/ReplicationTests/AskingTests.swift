import Catalog
import IPLD
import Multiformats
@testable import Replication
import Schema
import Storage
import TestKit
import Testing

/// Who asks what a backend holds writes down what it says, and nobody's silence.
@Suite(.scratch) struct AskingTests {
    /// What became of a copy, and what is known afterwards.
    enum Change: CaseIterable {
        case none, gone, shorter, sameLength, silent, noAccess

        var verdict: Verifier.Verdict {
            switch self {
            case .none, .sameLength: .present
            case .gone: .missing
            case .shorter: .corrupt
            case .silent, .noAccess: .unknown
            }
        }
        var status: Mapping.Status {
            switch self {
            case .none, .sameLength, .silent, .noAccess: .stored
            case .gone: .missing
            case .shorter: .corrupt
            }
        }
    }

    private func ask(
        _ home: EngineSample,
        _ service: any StorageService,
        _ mappings: [Mapping]? = nil
    ) async throws -> [Verifier.Result] {
        let verifier = Verifier(
            catalog: home.catalog,
            identity: try await home.catalog.identity(),
            observer: "asker",
            timing: home.clock.timing,
            progress: .silent
        )
        let known = try await home.catalog.mappings(on: "a")
        return try await verifier.verify(mappings ?? known, on: home.open(service), by: .asking)
    }

    @Test(arguments: Change.allCases) func `what a backend says is written down`(_ change: Change) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        let name = try home.name(root)
        let before = try #require(try await home.catalog.mappings(of: [root]).first)
        var asked: any StorageService = service
        switch change {
        case .none: break
        case .gone: service.tamper(name, nil)
        case .shorter: service.tamper(name, [1, 2, 3])
        case .sameLength: service.tamper(name, [UInt8](repeating: 7, count: Int(before.size ?? 0)))
        case .silent: asked = FaultyService(service, [Fault(.stat, .fail(.passing))])
        case .noAccess: asked = FaultyService(service, [Fault(.stat, .fail(.lasting))])
        }
        home.clock.advance(by: .seconds(60))
        let results = try await ask(home, asked)
        #expect(results.map(\.verdict) == [change.verdict], "\(results)")
        let after = try #require(try await home.catalog.mappings(of: [root]).first)
        #expect(after.status == change.status)
        let isNews = [.missing, .corrupt].contains(change.status)
        #expect((after.evidence == before.evidence) == !isNews, "what was known keeps its time")
        if isNews { #expect(after.evidence?.by == "asker" && after.evidence?.method == "looked-up") }
        let seen = try await home.catalog.observations(of: [root]).filter { $0.seen.by == "asker" }
        #expect(seen.count == (change.verdict == .unknown ? 0 : 1))
        #expect(try await home.isDirty() == isNews)
        // The next sync brings what is lost.
        try await home.sync(service)
        #expect(try await home.status(root) == .stored)
    }

    @Test func `of a place that is another one nothing is believed`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        await #expect(throws: ReplicationError.self) { try await ask(home, home.service()) }
        #expect(try await home.status(root) == .stored)
    }

    /// It may be somebody else's, and is nothing that this home may remove.
    @Test(arguments: [true, false]) func `what nobody here has stored is the word of the backend`(
        isThere: Bool
    ) async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = EngineSample.block(7).cid
        if isThere { service.tamper(try home.name(root), [1, 2, 3]) }
        let guess = Mapping(
            cid: root,
            backend: "a",
            path: try home.name(root).text,
            status: .unknown,
            createdAt: home.catalog.time,
            revision: 0
        )
        let results = try await ask(home, service, [guess])
        #expect(results.map(\.verdict) == [isThere ? .present : .missing])
        let found = try await home.catalog.mappings(of: [root])
        #expect(found.map(\.status) == (isThere ? [.pending] : []))
        #expect(found.allSatisfy { !$0.isOurs && $0.evidence == nil })
    }

    @Test func `what is known to be lost is no news`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        let root = try await home.pin(1)
        try await home.sync(service)
        service.tamper(try home.name(root), nil)
        for round in 0..<2 {
            let generation = try await home.catalog.backendState("a")?.generation ?? 0
            #expect(try await ask(home, service).map(\.verdict) == [.missing])
            let next = try await home.catalog.backendState("a")?.generation
            #expect(next == generation + (round == 0 ? 1 : 0))
        }
    }
}
