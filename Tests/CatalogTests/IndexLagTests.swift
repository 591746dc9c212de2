@testable import Catalog
import Multiformats
import Schema
import SQLite
import Synchronization
import TestKit
import Testing

/// How far the index files are behind: a change that was not counted would be missing in them until another one comes.
@Suite(.scratch) struct IndexLagTests {
    /// How many changes `change` counts on the backend `a`, after files were written that have all before it.
    private func counted(_ sample: CatalogSample, _ change: () async throws -> Void) async throws -> Int {
        let before = try await sample.catalog.indexLag(of: "a")
        try await sample.catalog.noteIndexFiles(of: "a", "files", having: before, readAt: sample.catalog.time)
        #expect(try await sample.catalog.indexLag(of: "a").changes == 0)
        try await change()
        return try await sample.catalog.indexLag(of: "a").changes
    }

    @Test func `every change of a mapping counts`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        try await sample.pin(1, 2)
        let lease = try await sample.lease()
        let seen = [sample.seen(1), sample.seen(2)]
        #expect(try await counted(sample) { try await catalog.record(seen, under: lease) } == 2)
        #expect(try await counted(sample) { try await catalog.record([sample.seen(1, .damaged)], under: lease) } == 1)
        #expect(try await counted(sample) { try await catalog.doubt(because: "test", under: lease) } == 1)
        #expect(try await counted(sample) { _ = try await catalog.forgetMapping(root(1), of: "a") } == 1)
        #expect(try await counted(sample) { _ = try await catalog.forgetMapping(root(1), of: "a") } == 0)
        let claim = sample.seen(5, .claimed, by: "claim")
        #expect(try await counted(sample) { _ = try await catalog.claim(claim, on: "b", name: "") } == 0)
        #expect(try await counted(sample) { _ = try await catalog.claim(claim, on: "a", name: "") } == 1)
        #expect(try await counted(sample) { _ = try await catalog.claim(claim, on: "a", name: "n") } == 1)
        let other = Mapping(cid: root(6), backend: "a", path: "x", status: .pending, createdAt: catalog.time)
        #expect(try await counted(sample) { _ = try await catalog.takeOver([other]) } == 1)
        #expect(try await counted(sample) { try await catalog.reincarnate(under: lease) } == 3)
    }

    @Test func `a removal counts when it begins, and when it is over`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let lease = try await sample.lease()
        try await catalog.record([sample.seen(1), sample.seen(2)], under: lease)
        func begin(_ number: Int) async throws {
            #expect(try await catalog.begin([(root(number), Removal.unwanted)], under: lease).count == 1)
        }
        #expect(try await counted(sample) { try await begin(1) } == 1)
        let failure = (cid: root(1), problem: "test", mayHaveHappened: false)
        #expect(try await counted(sample) { try await catalog.noteFailures([failure], under: lease) } == 1)
        try await begin(2)
        #expect(try await counted(sample) { try await catalog.begin([root(2)], under: lease) } == 1)
        // An upload whose mapping does not change is none.
        #expect(try await counted(sample) { try await catalog.begin([root(1)], under: lease) } == 0)
        #expect(try await counted(sample) { try await catalog.noteFailures([failure], under: lease) } == 0)
        // The removal was seen to its end: the mapping goes, and the entry.
        try await begin(1)
        let gone = sample.seen(1, .removed)
        #expect(try await counted(sample) { try await catalog.record([gone], under: lease) } == 2)
        #expect(try await sample.mapping(1) == nil)
    }

    @Test func `what changed while the files were written is lacking in them`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        _ = try await catalog.claim(sample.seen(1, .claimed, by: "claim"), on: "a", name: "")
        let first = catalog.time
        sample.clock.advance(5000)
        _ = try await catalog.claim(sample.seen(2, .claimed, by: "claim"), on: "a", name: "")
        let read = try await catalog.indexLag(of: "a")
        #expect(read.changes == 2 && read.since == first)
        let readAt = catalog.time
        sample.clock.advance(5000)
        _ = try await catalog.claim(sample.seen(3, .claimed, by: "claim"), on: "a", name: "")
        try await catalog.noteIndexFiles(of: "a", "these", having: read, readAt: readAt)
        let left = try await catalog.indexLag(of: "a")
        // When it came is not known any more, only that it was not before.
        #expect(left.changes == 1 && left.since == readAt && left.files == "these")
        try await catalog.removeBackend("a")
        let none = try await catalog.indexLag(of: "a")
        #expect(none.changes == 0 && none.since == nil && none.files == nil)
    }

    @Test func `files are over the bound with one change more, or a moment later`() {
        func lag(_ changes: Int, since: Int64 = 0, isLarge: Bool = true) -> IndexLag {
            IndexLag(changes: changes, since: Timestamp(milliseconds: since), files: nil, isLarge: isLarge)
        }
        func isOver(_ lag: IndexLag, at time: Int64 = 0) -> Bool { lag.isOverBound(at: Timestamp(milliseconds: time)) }
        #expect(!isOver(lag(1000)) && isOver(lag(1001)))
        #expect(!isOver(lag(1), at: 600_000) && isOver(lag(1), at: 600_001))
        #expect(isOver(lag(1, since: 5)), "a clock that was set back")
        #expect(isOver(lag(1, isLarge: false)) && !isOver(lag(0, isLarge: false)))
    }

    @Test func `a row is passed on as a mapping of it would be`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let lease = try await sample.lease()
        try await catalog.record([sample.seen(1), sample.seen(2, .damaged)], under: lease)
        _ = try await catalog.claim(sample.seen(3, .claimed, by: "claim"), on: "a", name: "naïve 🐟")
        try await begin(removal: 1, sample, lease)
        for isAstray in [false, true] {
            catalog.disregard(isAstray ? ["a"] : [])
            let passed = Mutex<[MappingColumns]>([])
            _ = try await catalog.relayColumns(
                of: "a",
                to: [{ @Sendable columns in passed.withLock { $0.append(columns) } }]
            )
            let columns = try #require(passed.withLock { $0 }.first)
            let mappings = try await catalog.mappings(on: "a")
            #expect(columns.count == mappings.count && columns.cids == mappings.map(\.cid))
            for (row, mapping) in mappings.enumerated() {
                func text(_ texts: MappingColumns.Texts) -> String { String(decoding: texts[row], as: UTF8.self) }
                #expect(text(columns.cidTexts) == mapping.cid.description && text(columns.paths) == mapping.path)
                #expect(text(columns.statuses) == mapping.status.rawValue && text(columns.names) == mapping.name)
                #expect(columns.sizes[row] == mapping.size.map { Int64($0) })
                #expect(columns.verifiedAt[row] == mapping.evidence?.at.milliseconds)
                #expect(text(columns.verifyMethods) == mapping.evidence?.method ?? "")
            }
        }
    }

    private func begin(removal number: Int, _ sample: CatalogSample, _ lease: Lease) async throws {
        _ = try await sample.catalog.begin([(root(number), Removal.unwanted)], under: lease)
    }
}
