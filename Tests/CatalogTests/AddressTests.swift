import Catalog
import Schema
import TestKit
import Testing

/// What was seen belongs to the place to which the settings lead.
@Suite(.scratch) struct AddressTests {
    private func address(_ place: String) -> BackendState.Address { BackendState.Address(place: place, account: "") }

    /// A catalog that has two roots at the place `one`, the first of them stored.
    private func sample() async throws -> (CatalogSample, Lease) {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.note(address("one"), under: lease)
        try await sample.catalog.record([sample.seen(1), sample.seen(2)], under: lease)
        try await sample.catalog.record([sample.seen(2, .missing)], under: lease)
        try await sample.catalog.finishSync(generation: 1, under: lease)
        sample.clock.advance(1000)
        return (sample, lease)
    }

    @Test(arguments: [[], ["three"], ["-"], ["two", "three", "-"]])
    func `what was seen counts again when the settings lead back to it`(_ between: [String]) async throws {
        let (sample, lease) = try await sample()
        for place in ["two"] + between {
            try await sample.catalog.note(address(place), under: lease)
            #expect(try await sample.mapping(1)?.status == .unknown)
            sample.clock.advance(1000)
        }
        try await sample.catalog.note(address("one"), under: lease)
        #expect(try await sample.mapping(1)?.status == .stored)
        #expect(try await sample.mapping(2)?.status == .missing)
        // Nothing was changed there meanwhile, so it is not looked at as before the first sync.
        let state = try #require(try await sample.catalog.backendState("a"))
        #expect(state.syncedAt != nil && !state.isAstray)
    }

    @Test func `whoever only looks writes nothing down of a place that no sync has settled in`() async throws {
        let (sample, lease) = try await sample()
        try await sample.catalog.note(address("two"), under: lease)
        #expect(try await sample.catalog.backendState("a")?.isAstray == true)
        let before = [try #require(try await sample.mapping(1)), try #require(try await sample.mapping(2))]
        try await sample.catalog.observing("a") { observer in
            for (number, known) in before.enumerated() {
                let seen = sample.seen(number + 1, number == 0 ? .damaged : .whole, basis: known.revision)
                let dropped = try await sample.catalog.record([seen], under: observer)
                #expect(dropped == [known.cid])
            }
        }
        #expect([try await sample.mapping(1), try await sample.mapping(2)] == before)
    }

    @Test func `a doubt outlives the way back`() async throws {
        let (sample, lease) = try await sample()
        try await sample.catalog.note(address("two"), under: lease)
        try await sample.catalog.acceptOver(kit: "kit")
        try await sample.catalog.note(address("one"), under: lease)
        #expect(try await sample.mapping(1)?.status == .unknown)
    }

    @Test func `after a sync at another place the one before is a strange one`() async throws {
        let (sample, lease) = try await sample()
        try await sample.catalog.note(address("two"), under: lease)
        sample.clock.advance(1000)
        try await sample.catalog.settleIn(under: lease)
        // Neither what was stored nor what was lost there says anything of this one.
        for _ in 1...2 {
            #expect(try await sample.mapping(1)?.status == .unknown)
            #expect(try await sample.mapping(2)?.status == .unknown)
            try await sample.catalog.note(address("one"), under: lease)
        }
    }

    @Test func `where a catalog does not say where a backend led, the next sync looks`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        // Before the first sync there is nothing that could be elsewhere.
        #expect(try await sample.catalog.backendState("a")?.leads(to: address("one")) == true)
        try await sample.catalog.record([sample.seen(1)], under: lease)
        try await sample.catalog.finishSync(generation: 1, under: lease)
        #expect(try await sample.catalog.backendState("a")?.leads(to: address("one")) == false)
        try await sample.catalog.note(address("one"), under: lease)
        let state = try #require(try await sample.catalog.backendState("a"))
        #expect(state.isDirty && state.syncedAt == nil && state.leads(to: address("one")))
        #expect(try await sample.mapping(1)?.status == .stored)
    }

    @Test func `a name that is left of a place is looked at as before its first sync`() async throws {
        let sample = try await CatalogSample()
        let (a, b) = (try await sample.lease("a"), try await sample.lease("b"))
        try await sample.catalog.join(places: try await sample.catalog.backendStates().map(\.place), under: a)
        for lease in [a, b] { try await sample.catalog.finishSync(generation: 1, under: lease) }
        try await sample.catalog.removeBackend("a")
        let state = try #require(try await sample.catalog.backendState("b"))
        #expect(state.syncedAt == nil && state.isDirty)
    }

    @Test(arguments: ["a", "b"]) func `a copy of a place becomes a place of its own`(_ name: String) async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease(name)
        try await sample.catalog.join(places: try await sample.catalog.backendStates().map(\.place), under: lease)
        try await sample.catalog.separate(under: lease)
        #expect(Set(try await sample.catalog.backendStates().map(\.place)).count == 2)
    }
}
