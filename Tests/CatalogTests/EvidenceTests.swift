@testable import Catalog
import Multiformats
import Schema
import TestKit
import Testing

/// Evidence only moves forward, whoever brings it and in whatever order.
@Suite(.scratch) struct EvidenceTests {
    /// What is known before, what is seen then, and what is known after that.
    struct Case: Sendable, CustomTestStringConvertible {
        let before: [(Observation.Finding, String)]
        let seen: (Observation.Finding, String)
        let status: Mapping.Status?

        var testDescription: String { "\(before.map(\.0)) then \(seen) is \(status.map { $0.rawValue } ?? "nothing")" }
    }

    static let cases: [Case] = [
        Case(before: [], seen: (.whole, "put-md5"), status: .stored),
        Case(before: [], seen: (.claimed, "claim"), status: .pending),
        Case(before: [], seen: (.present, "asked"), status: .pending),
        Case(before: [], seen: (.missing, "asked"), status: nil),
        Case(before: [(.whole, "read-back")], seen: (.claimed, "claim"), status: .stored),
        Case(before: [(.whole, "put-md5")], seen: (.present, "asked"), status: .stored),
        Case(before: [(.whole, "put-md5")], seen: (.damaged, "read-back"), status: .corrupt),
        Case(before: [(.whole, "read-back")], seen: (.missing, "read-back"), status: .missing),
        Case(before: [(.whole, "read-back")], seen: (.removed, "told"), status: nil),
        // What is withheld counts no more, and says nothing against what never counted.
        Case(before: [(.whole, "put-md5")], seen: (.withheld, "read-back"), status: .unknown),
        Case(before: [(.damaged, "read-back")], seen: (.withheld, "read-back"), status: .corrupt),
        Case(before: [(.claimed, "claim")], seen: (.withheld, "read-back"), status: .pending),
        Case(before: [(.whole, "put-md5"), (.withheld, "read-back")], seen: (.present, "looked-up"), status: .unknown),
        Case(before: [(.whole, "put-md5"), (.missing, "read-back")], seen: (.present, "looked-up"), status: .missing),
        Case(before: [(.whole, "put-md5"), (.missing, "looked-up")], seen: (.present, "looked-up"), status: .pending),
        Case(before: [(.whole, "put-md5"), (.withheld, "read-back")], seen: (.present, "asked"), status: .pending),
        Case(before: [(.whole, "put-md5"), (.withheld, "read-back")], seen: (.whole, "read-back"), status: .stored),
        // A digest in a listing does not outvote who has read the bytes; a reading does, and so do new bytes.
        Case(before: [(.damaged, "read-back")], seen: (.whole, "listed-md5"), status: .corrupt),
        Case(before: [(.damaged, "read-back")], seen: (.whole, "listed-sha256"), status: .corrupt),
        Case(before: [(.damaged, "read-back")], seen: (.claimed, "claim"), status: .corrupt),
        Case(before: [(.damaged, "read-back")], seen: (.present, "asked"), status: .corrupt),
        Case(before: [(.damaged, "read-back")], seen: (.whole, "read-back"), status: .stored),
        Case(before: [(.damaged, "read-back")], seen: (.whole, "put-sha256"), status: .stored),
        Case(before: [(.whole, "put-md5"), (.missing, "read-back")], seen: (.present, "asked"), status: .pending),
        Case(before: [(.whole, "put-md5"), (.missing, "read-back")], seen: (.whole, "listed-md5"), status: .stored),
        Case(before: [(.claimed, "claim")], seen: (.missing, "read-back"), status: .missing),
        Case(before: [(.claimed, "claim")], seen: (.whole, "read-back"), status: .stored),
    ]

    @Test(arguments: cases) func `what was observed decides`(example: Case) async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        func take(_ seen: (Observation.Finding, String)) async throws {
            if seen.0 == .claimed {
                _ = try await sample.catalog.claim(sample.seen(1, .claimed, by: "claim"), on: "a", name: "")
            } else {
                try await sample.catalog.record([sample.seen(1, seen.0, by: seen.1)], under: lease)
            }
        }
        for seen in example.before { try await take(seen) }
        try await take(example.seen)
        #expect(try await sample.mapping(1)?.status == example.status)
        let kept = try await sample.catalog.observations(of: [root(1)])
        #expect(kept.count == example.before.count + 1)
        #expect(kept.first?.seen.finding == example.seen.0)
    }

    @Test func `a claim of another path hides nothing, and is kept`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.record([sample.seen(1)], under: lease)
        let claim = sample.seen(1, .claimed, by: "claim", path: "old/place.car")
        let mapping = try await sample.catalog.claim(claim, on: "a", name: "named")
        #expect(mapping?.path == "cars/1.car" && mapping?.status == .stored && mapping?.name == "named")
        #expect(mapping?.evidence?.method == "read-back")
        #expect(try await sample.catalog.observations(of: [root(1)]).first?.seen.path == "old/place.car")
    }

    @Test(arguments: [
        (Observation.Finding.whole, Mapping.Status.stored), (.damaged, .corrupt), (.claimed, .missing),
        (.present, .missing),
    ])
    func `that nothing is at another path says nothing of what was seen`(
        before: Observation.Finding,
        after: Mapping.Status
    ) async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        if before == .claimed {
            _ = try await sample.catalog.claim(sample.seen(1, .claimed, by: "claim"), on: "a", name: "")
        } else {
            try await sample.catalog.record([sample.seen(1, before)], under: lease)
        }
        try await sample.catalog.record([sample.seen(1, .missing, path: "old/place.car")], under: lease)
        #expect(try await sample.mapping(1)?.status == after)
    }

    @Test func `what is only claimed is not this kit's to remove, until it was compared`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        _ = try await sample.catalog.claim(sample.seen(1, .claimed, by: "claim"), on: "a", name: "")
        #expect(try await sample.mapping(1)?.isOurs == false)
        try await sample.catalog.record([sample.seen(1)], under: lease)
        #expect(try await sample.mapping(1)?.isOurs == true)
    }

    @Test func `only so many observations of a replica are kept`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        for _ in 0..<20 {
            try await sample.catalog.record([sample.seen(1), sample.seen(2)], under: lease)
            sample.clock.advance(1)
        }
        let kept = try await sample.catalog.observations(of: [root(1)])
        #expect(kept.count == 8)
        #expect(kept.first?.seen.at.milliseconds == sample.clock.now - 1)
    }

    enum Meanwhile: CaseIterable {
        case removed, storedAnew, storedAgain, forgotten, removing, backendRemoved, reincarnated, removedAndStored,
            forgottenAndSeen
    }

    @Test(arguments: Meanwhile.allCases) func `what was seen of another time is not written down`(
        meanwhile: Meanwhile
    ) async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let writer = try await sample.lease()
        try await catalog.record([sample.seen(1)], under: writer)
        let observer = try await catalog.takeObserverLease("a")
        let basis = try #require(try await sample.mapping(1)).revision
        switch meanwhile {
        case .removed: try await catalog.record([sample.seen(1, .removed, by: "told")], under: writer)
        case .storedAnew: try await catalog.record([sample.seen(1, by: "put-md5")], under: writer)
        // In the same way, and in the same millisecond.
        case .storedAgain: try await catalog.record([sample.seen(1)], under: writer)
        case .forgotten: _ = try await catalog.forgetMapping(root(1), of: "a")
        case .removing: _ = try await catalog.begin([(root(1), .unwanted)], under: writer)
        case .backendRemoved: try await catalog.removeBackend("a")
        case .reincarnated: try await catalog.reincarnate("a")
        case .removedAndStored:
            try await catalog.record([sample.seen(1, .removed, by: "told")], under: writer)
            try await catalog.record([sample.seen(1)], under: writer)
        case .forgottenAndSeen:
            _ = try await catalog.forgetMapping(root(1), of: "a")
            try await catalog.record([sample.seen(1)], under: writer)
        }
        let before = try await sample.mapping(1)
        let late = sample.seen(1, .damaged, basis: basis)
        if meanwhile == .backendRemoved || meanwhile == .reincarnated {
            try await catalog.register(["a"])
            let error = await #expect(throws: CatalogError.self) { try await catalog.record([late], under: observer) }
            #expect(error?.code == .fenced)
        } else {
            #expect(try await catalog.record([late], under: observer) == [root(1)])
        }
        #expect(try await sample.mapping(1) == before)
    }

    @Test func `what is seen beside a writer, of what nothing has happened to, is written down`() async throws {
        let sample = try await CatalogSample()
        let writer = try await sample.lease()
        try await sample.catalog.record([sample.seen(1)], under: writer)
        let observer = try await sample.catalog.takeObserverLease("a")
        let basis = try #require(try await sample.mapping(1)).revision
        #expect(try await sample.catalog.record([sample.seen(1, .damaged, basis: basis)], under: observer).isEmpty)
        #expect(try await sample.mapping(1)?.status == .corrupt)
        // What the writer began is not at its end because somebody else looked.
        try await sample.catalog.begin([root(3)], under: writer)
        #expect(try await sample.catalog.record([sample.seen(3)], under: observer).isEmpty)
        #expect(try await sample.catalog.transfers(on: "a").map(\.cid) == [root(3)])
        // A root of which nothing was known: it is new, unless somebody stored it meanwhile.
        #expect(try await sample.catalog.record([sample.seen(2)], under: observer).isEmpty)
        #expect(try await sample.catalog.record([sample.seen(2, .damaged)], under: observer) == [root(2)])
    }

    @Test func `what another home knew is taken over only where nothing was observed here`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        let time = Timestamp(milliseconds: 5)
        func theirs(_ number: Int) -> Mapping {
            Mapping(
                cid: root(number),
                backend: "a",
                path: "cars/\(number).car",
                status: .stored,
                createdAt: time,
                evidence: .init(method: "read-back", at: Timestamp(milliseconds: 9_000_000_000_000), by: "them")
            )
        }
        try await sample.catalog.record([sample.seen(1), sample.seen(2)], under: lease)
        try await sample.catalog.record([sample.seen(1, .damaged), sample.seen(2, .missing)], under: lease)
        _ = try await sample.catalog.claim(sample.seen(3, .claimed, by: "claim"), on: "a", name: "")
        #expect(try await sample.catalog.takeOver((1...4).map(theirs)) == 2)
        let statuses = try await sample.catalog.mappings(on: "a").map { ($0.cid, $0.status) }
        #expect(
            Dictionary(uniqueKeysWithValues: statuses) == [
                root(1): .corrupt, root(2): .missing, root(3): .stored, root(4): .stored,
            ]
        )
    }
}
