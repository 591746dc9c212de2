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

    @Test func `what was seen counts for nothing to whoever is led elsewhere, and nothing is changed by that`()
        async throws
    {
        let (sample, _) = try await sample()
        let catalog = sample.catalog
        try await sample.pin(1)
        let before = try await catalog.mappings(on: "a")
        catalog.disregard(["a"])
        #expect(try await sample.mapping(1)?.status == .unknown)
        #expect(try await sample.mapping(2)?.status == .missing)
        #expect(
            try await catalog.mappings(on: "a").map(\.status)
                == before.map { $0.status == .stored ? .unknown : $0.status }
        )
        #expect(try await catalog.statuses(on: "a").allSatisfy { $0.status != .stored })
        #expect(try await catalog.mappingCounts()["a"]?.byStatus[.stored] == nil)
        #expect(try await catalog.unprotectedPins() == [root(1)])
        // It may be the last one all the same.
        #expect(try await catalog.pinsOnly(on: "a") == [root(1)])
        catalog.disregard([])
        #expect(try await catalog.mappings(on: "a") == before)
        #expect(try await catalog.unprotectedPins().isEmpty)
    }

    @Test func `a replica that is led away from is no reason to let another one go`() async throws {
        let (sample, _) = try await sample()
        let other = try await sample.lease("b")
        try await sample.catalog.record([sample.seen(1)], under: other)
        try await sample.pin(1)
        #expect(try await sample.catalog.pinsOnly(on: "a").isEmpty)
        sample.catalog.disregard(["b"])
        #expect(try await sample.catalog.pinsOnly(on: "a") == [root(1)])
    }

    @Test func `whoever only looks writes nothing down of another place`() async throws {
        let (sample, _) = try await sample()
        let known = [try #require(try await sample.mapping(1)), try #require(try await sample.mapping(2))]
        sample.catalog.disregard(["a"])
        try await sample.catalog.observing("a") { observer in
            for (number, known) in known.enumerated() {
                let seen = sample.seen(number + 1, number == 0 ? .damaged : .whole, basis: known.revision)
                let dropped = try await sample.catalog.record([seen], under: observer)
                #expect(dropped == [known.cid])
            }
        }
        sample.catalog.disregard([])
        #expect([try await sample.mapping(1), try await sample.mapping(2)] == known)
    }

    @Test func `a sync that settles elsewhere takes nothing along, neither what was stored nor what was lost`()
        async throws
    {
        let (sample, lease) = try await sample()
        sample.catalog.disregard(["a"])
        for place in ["two", "one"] {
            try await sample.catalog.note(address(place), under: lease)
            #expect(try await sample.mapping(1)?.status == .unknown)
            #expect(try await sample.mapping(2)?.status == .unknown)
        }
        let state = try #require(try await sample.catalog.backendState("a"))
        #expect(state.isDirty && state.syncedAt == nil && !sample.catalog.disregards("a"))
    }

    @Test func `what is seen before the first sync belongs to a place, too`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        for place in ["one", "two"] { try await sample.catalog.noteFirst(address(place), under: lease) }
        #expect(try await sample.catalog.backendState("a")?.address == address("one"))
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
