@testable import Catalog
import Multiformats
import Schema
import TestKit
import Testing

/// Uploads and removals that began, and what must be so when their requests are sent.
@Suite(.scratch) struct JournalTests {
    @Test func `what was stored leaves the journal, what may have arrived stays in it`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.begin([root(1), root(2), root(3)], under: lease)
        try await sample.catalog.record([sample.seen(1)], under: lease)
        try await sample.catalog.noteFailures(
            [(root(2), "no answer", true), (root(3), "the store lacks it", false)],
            under: lease
        )
        let open = try await sample.catalog.transfers(on: "a")
        #expect(open.map(\.cid) == [root(2)])
        #expect(open.first?.tries == 1 && open.first?.lastError == "no answer" && open.first?.kind == .store)
        #expect(try await sample.catalog.transferCounts() == ["a": 1])
    }

    @Test func `an attempt that fails leaves what was observed as it is`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.record([sample.seen(1)], under: lease)
        let before = try await sample.mapping(1)
        try await sample.catalog.begin([root(1)], under: lease)
        try await sample.catalog.noteFailures([(root(1), "full", false)], under: lease)
        #expect(try await sample.mapping(1) == before)
    }

    @Test func `only what was written down is removed, and only while no pin wants it`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.record([sample.seen(1), sample.seen(2)], under: lease)
        #expect(try await sample.catalog.removal(of: "cars/1.car", under: lease)?.root == nil)
        try await sample.pin(2)
        let begun = try await sample.catalog.begin([(root(1), .unwanted), (root(2), .unwanted)], under: lease)
        #expect(begun.map(\.cid) == [root(1)] && begun.map(\.location?.path) == ["cars/1.car"])
        #expect(try await sample.catalog.removal(of: "cars/1.car", under: lease)?.root == root(1))
        #expect(try await sample.catalog.removal(of: "cars/2.car", under: lease)?.root == nil)
        #expect(try await sample.catalog.removal(of: "kits/x", under: lease)?.root == nil)
        // It is pinned again between two tries.
        try await sample.pin(1)
        #expect(try await sample.catalog.removal(of: "cars/1.car", under: lease)?.root == nil)
        let known = try await sample.catalog.statuses(on: "a")
        #expect(known.filter(\.isBeingRemoved).map(\.cid) == [root(1)])
        // Until somebody has looked nobody counts on it.
        #expect(try await sample.mapping(1)?.status == .unknown)
        #expect(try await sample.catalog.unprotectedPins() == [root(1)])
        #expect(try await sample.catalog.mappingCounts()["a"]?.byStatus == [.stored: 1, .unknown: 1])
        try await sample.catalog.record([sample.seen(1)], under: lease)
        #expect(try await sample.mapping(1)?.status == .stored)
    }

    enum Change: CaseIterable { case none, damaged, gone, pinChanged, leavingToo, tooFew }

    @Test(arguments: Change.allCases) func `a surplus copy goes only while there are enough others`(
        change: Change
    ) async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        try await sample.pin(1, replicas: 1)
        let (a, b) = (try await sample.lease("a"), try await sample.lease("b"))
        try await catalog.record([sample.seen(1)], under: a)
        try await catalog.record([sample.seen(1)], under: b)
        let pin = try #require(try await catalog.pin(root(1)))
        let minimum = change == .tooFew ? 2 : 1
        let reason = Removal.surplus(minimum: minimum, others: ["b"], pinChangedAt: pin.updatedAt)
        #expect(try await catalog.begin([(root(1), reason)], under: a).count == (change == .tooFew ? 0 : 1))
        sample.clock.advance(10)
        switch change {
        case .none, .tooFew: break
        case .damaged: try await catalog.record([sample.seen(1, .damaged)], under: b)
        case .gone: try await catalog.record([sample.seen(1, .removed, by: "told")], under: b)
        case .pinChanged: try await sample.pin(1, replicas: 2)
        case .leavingToo:
            let other = Removal.surplus(minimum: 0, others: [], pinChangedAt: pin.updatedAt)
            #expect(try await catalog.begin([(root(1), other)], under: b).count == 1)
        }
        #expect(try await (catalog.removal(of: "cars/1.car", under: a)?.root != nil) == (change == .none))
    }

    @Test func `what a service said is kept without what is secret in it`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let lease = try await sample.lease()
        let secret = "canary-of-\(randomIdentifier())"
        Redactor.shared.learn(secret)
        let said = "The service says: no key \(secret)."
        try await catalog.begin([root(1)], under: lease)
        try await catalog.noteFailures([(root(1), said, true)], under: lease)
        try await catalog.failSync(problem: said, under: lease)
        var seen = sample.seen(2, .damaged)
        seen.detail = said
        try await catalog.record([seen], under: lease)
        let kept = [
            try await catalog.transfers(on: "a").first?.lastError, try await catalog.backendState("a")?.problem,
            try await catalog.observations(of: [root(2)]).first?.seen.detail,
        ]
        #expect(kept == Array(repeating: "The service says: no key \(Redactor.mark).", count: 3))
    }

    @Test func `only what is not there is forgotten`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.record((1...4).map { sample.seen($0) }, under: lease)
        try await sample.catalog.record([sample.seen(2, .missing), sample.seen(3, .missing)], under: lease)
        try await sample.catalog.record([sample.seen(4, .damaged)], under: lease)
        try await sample.catalog.forgetMissing((1...4).map(root), under: lease)
        #expect(Set(try await sample.catalog.mappings(on: "a").map(\.cid)) == Set([1, 4].map(root)))
    }

    @Test func `a removal takes the root away under all names of the place`() async throws {
        let sample = try await CatalogSample()
        let (a, b) = (try await sample.lease("a"), try await sample.lease("b"))
        try await sample.catalog.record([sample.seen(1)], under: a)
        try await sample.catalog.record([sample.seen(1)], under: b)
        try await sample.catalog.join(places: try await sample.catalog.backendStates().map(\.place), under: a)
        try await sample.catalog.record([sample.seen(1, .removed, by: "told")], under: a)
        #expect(try await sample.catalog.mappings(of: [root(1)]).isEmpty)
    }

    @Test func `another place under the same name has none of what was known`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.pin(1)
        try await sample.catalog.record([sample.seen(1), sample.seen(3)], under: lease)
        try await sample.catalog.begin([root(2)], under: lease)
        try await sample.catalog.noteMarker("kits/k/homes/i-x.here", identity: nil, under: lease)
        let before = try #require(try await sample.catalog.backendState("a"))
        try await sample.catalog.reincarnate(under: lease)
        let after = try #require(try await sample.catalog.backendState("a"))
        #expect(after.incarnation != before.incarnation && after.marker == nil && after.isDirty)
        #expect(try await sample.mapping(1)?.status == .unknown)
        #expect(try await sample.mapping(1)?.isOurs == false)
        // Nobody wants it there, and nobody has seen it there.
        #expect(try await sample.mapping(3) == nil)
        #expect(try await sample.catalog.transfers(on: "a").isEmpty)
    }

    @Test func `homes that were seen are active for thirty days, or until they are forgotten`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.notePeers([("k", "i", sample.catalog.time)], isFirstLook: false, under: lease)
        func isActive() async throws -> Bool {
            try await sample.catalog.peers(on: "a").contains { $0.isActive(at: sample.catalog.time) }
        }
        #expect(try await isActive())
        #expect(try await sample.catalog.forgetPeers("nobody") == 0)
        #expect(try await sample.catalog.forgetPeers("i") == 1)
        #expect(try await !isActive())
        sample.clock.advance(1000)
        try await sample.catalog.notePeers([("k", "i", sample.catalog.time)], isFirstLook: false, under: lease)
        #expect(try await isActive())
        sample.clock.advance(31 * 86_400_000)
        #expect(try await !isActive())
    }

    @Test func `whoever is news is there now, whatever date the service gives`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        let old = sample.catalog.time
        sample.clock.advance(31 * 86_400_000)
        func isActive() async throws -> Bool {
            try await sample.catalog.peers(on: "a").contains { $0.isActive(at: sample.catalog.time) }
        }
        // At the first look there is nothing but the date.
        try await sample.catalog.notePeers([("k", "i", old)], isFirstLook: true, under: lease)
        #expect(try await !isActive())
        try await sample.catalog.notePeers([("k", "i", old)], isFirstLook: false, under: lease)
        #expect(try await !isActive())
        // Another date, or somebody who was not there, was left since then.
        try await sample.catalog.notePeers(
            [("k", "i", Timestamp(milliseconds: old.milliseconds - 1))],
            isFirstLook: false,
            under: lease
        )
        #expect(try await isActive())
        sample.clock.advance(31 * 86_400_000)
        #expect(try await !isActive())
        try await sample.catalog.notePeers([("k", "j", old)], isFirstLook: false, under: lease)
        #expect(try await isActive())
        #expect(try await sample.catalog.forgetPeers("k") == 2)
        try await sample.catalog.notePeers([("k", "j", old)], isFirstLook: false, under: lease)
        #expect(try await !isActive())
    }

    @Test func `a place that is another one by now has nothing that was seen before`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.note(BackendState.Address(place: "here", account: "me"), under: lease)
        _ = try await sample.catalog.record([sample.seen(1)], under: lease)
        try await sample.catalog.note(BackendState.Address(place: "here", account: "me"), under: lease)
        #expect(try await sample.mapping(1)?.status == .stored)
        try await sample.catalog.note(BackendState.Address(place: "there", account: "me"), under: lease)
        #expect(try await sample.mapping(1)?.status == .unknown)
        let state = try #require(await sample.catalog.backendState("a"))
        #expect(state.isDirty && state.syncedAt == nil)
    }

    @Test func `a pin has no more text than a snapshot takes`() async throws {
        let sample = try await CatalogSample()
        func add(_ name: String, _ metadata: String) async throws {
            let pin = Pin(cid: root(1), name: name, metadata: metadata, createdAt: sample.catalog.time)
            try await sample.catalog.addPins([pin], reason: "test")
        }
        let long = String(repeating: "x", count: Pin.longestText - 100)
        try await add(long, "{\"a\": \"\(long)\"}")
        for (name, metadata) in [(long + long, "{}"), ("", "{\"b\": \"\(long)\"}")] {
            await #expect { try await add(name, metadata) } throws: { ($0 as? CatalogError)?.code == .tooLarge }
        }
        // What is refused changes nothing.
        #expect(try await sample.catalog.pin(root(1))?.name == long)
        #expect(
            try await sample.catalog.noMetadata(among: ["{}", "[]", "not json", "{\"/\": 1}"]) == ["[]", "not json"]
        )
    }
}
