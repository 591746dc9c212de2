@testable import Catalog
import Multiformats
import Schema
import TestKit
import Testing

/// What is remembered of the pages of snapshots, and which rows changed since: one that was forgotten would be missing
/// in every snapshot from then on.
@Suite(.scratch) struct PageTests {
    private static let page = RowPage(first: root(1).bytes, cid: root(0), rows: 1)

    /// What is remembered of the pins, or of the mappings of the backend `a`.
    private func memory(_ sample: CatalogSample, _ list: RowList) async throws -> RowMemory {
        switch list {
        case .pins: try await sample.catalog.withPins(as: { $0 }) { memory, _ in memory }
        case .mappings(let backend):
            try await sample.catalog.withMappings(on: backend, as: { $0 }) { memory, _ in memory }
        }
    }

    /// Remembers the list as it is, and gives the rows that `change` changes then.
    private func noted(
        _ sample: CatalogSample,
        _ list: RowList,
        _ change: () async throws -> Void
    ) async throws -> Set<[UInt8]> {
        let before = try await memory(sample, list)
        try await sample.catalog.remember([(list, before, [Self.page])])
        #expect(try await memory(sample, list).changed.isEmpty)
        try await change()
        return Set(try await memory(sample, list).changed)
    }

    @Test func `every change of a pin is noted, and what is no part of a snapshot is not`() async throws {
        let sample = try await CatalogSample()
        try await sample.pin(1, 2, 3)
        #expect(try await noted(sample, .pins) { try await sample.pin(4) } == [root(4).bytes])
        #expect(try await noted(sample, .pins) { try await sample.pin(1, replicas: 2) } == [root(1).bytes])
        #expect(
            try await noted(sample, .pins) {
                _ = try await sample.catalog.removePins([root(2), root(9)], reason: "test")
            } == [root(2).bytes]
        )
        #expect(try await noted(sample, .pins) { try await sample.catalog.noteWhole([root(3)], in: 7) }.isEmpty)
        #expect(try await memory(sample, .pins).rows == 3)
    }

    @Test func `every change of a mapping is noted, and a removal that begins or ends`() async throws {
        let sample = try await CatalogSample()
        let list = RowList.mappings(on: "a")
        try await sample.pin(1)
        let lease = try await sample.lease()
        let seen = try await noted(sample, list) {
            try await sample.catalog.record([sample.seen(1), sample.seen(2)], under: lease)
        }
        #expect(seen == [root(1).bytes, root(2).bytes])
        let damaged = try await noted(sample, list) {
            try await sample.catalog.record([sample.seen(1, .damaged)], under: lease)
        }
        #expect(damaged == [root(1).bytes])
        let doubted = try await noted(sample, list) {
            try await sample.catalog.doubt(because: "test", under: lease)
        }
        #expect(doubted == [root(2).bytes])
        let forgotten = try await noted(sample, list) {
            _ = try await sample.catalog.forgetMapping(root(1), of: "a")
        }
        #expect(forgotten == [root(1).bytes])
        let claimed = try await noted(sample, list) {
            _ = try await sample.catalog.claim(sample.seen(5, .claimed, by: "claim"), on: "b", name: "")
        }
        #expect(claimed.isEmpty)
    }

    @Test func `what changed while pages were made stays noted`() async throws {
        let sample = try await CatalogSample()
        try await sample.pin(1)
        let before = try await memory(sample, .pins)
        try await sample.pin(2)
        try await sample.catalog.remember([(.pins, before, [Self.page])])
        #expect(try await memory(sample, .pins).changed == [root(2).bytes])
        #expect(try await memory(sample, .pins).pages == [Self.page])
    }

    @Test func `who read before another one remembered takes nothing of it back`() async throws {
        let sample = try await CatalogSample()
        try await sample.pin(1)
        let slow = try await memory(sample, .pins)
        try await sample.pin(2)
        let fast = try await memory(sample, .pins)
        let newer = [Self.page, RowPage(first: root(2).bytes, cid: root(0), rows: 1)].sorted {
            $0.first.lexicographicallyPrecedes($1.first)
        }
        try await sample.catalog.remember([(.pins, fast, newer)])
        try await sample.catalog.remember([(.pins, slow, [Self.page])])
        #expect(try await memory(sample, .pins).pages == newer)
        #expect(try await memory(sample, .pins).changed.isEmpty)
    }

    @Test func `nothing is settled of which changes were not noted`() async throws {
        let sample = try await CatalogSample()
        let places = "these"
        func noteAll() async throws {
            for list in [.pins, RowList.mappings(on: "a")] { _ = try await memory(sample, list) }
        }
        try await noteAll()
        // Nobody notes what changes on `b`.
        let before = try await sample.catalog.unsettled(in: places)
        try await sample.catalog.noteSettled(before, in: places)
        #expect(try await sample.catalog.unsettled(in: places).roots == nil)
        // A pin that came before its changes were noted is not lost to who looked before that.
        _ = try await memory(sample, .mappings(on: "b"))
        try await sample.catalog.noteSettled(before, in: places)
        #expect(try await sample.catalog.unsettled(in: places).roots == nil)
        let since = try await sample.catalog.unsettled(in: places)
        try await sample.pin(1)
        try await sample.catalog.noteSettled(since, in: places)
        #expect(try await sample.catalog.unsettled(in: places).roots == [root(1)])
        // What made pages of it takes that from nobody.
        let pins = try await memory(sample, .pins)
        try await sample.catalog.remember([(.pins, pins, [Self.page])])
        #expect(try await memory(sample, .pins).changed.isEmpty)
        #expect(try await sample.catalog.unsettled(in: places).roots == [root(1)])
        // A backend that comes is one that nobody looked at.
        try await sample.catalog.register(["c"])
        #expect(try await sample.catalog.unsettled(in: places).roots == nil)
    }

    @Test func `a backend that is another place holds no pages, and one that was removed leaves nothing`() async throws
    {
        let sample = try await CatalogSample()
        for backend in ["a", "b"] {
            let lease = try await sample.lease(backend)
            let object = PageObject(name: "kits/k/pages/1-i.car", length: 9, blocks: [1, 2, 3], live: 1)
            try await sample.catalog.noteSnapshot("kits/k/1-i.car", hasAll: true, sharing: [object], under: lease)
            #expect(try await sample.catalog.pageObjects(on: backend) == [object])
            try await sample.catalog.release(lease)
        }
        try await sample.catalog.reincarnate("a")
        #expect(try await sample.catalog.pageObjects(on: "a").isEmpty)
        #expect(try await sample.catalog.pageObjects(on: "b").count == 1)
        let list = RowList.mappings(on: "b")
        try await sample.catalog.remember([(list, memory(sample, list), [Self.page])])
        try await sample.catalog.removeBackend("b")
        try await sample.catalog.register(["b"])
        #expect(try await memory(sample, list).pages.isEmpty)
        #expect(try await sample.catalog.pageObjects(on: "b").isEmpty)
    }
}
