import Catalog
import Samples
import Schema
import SQLite
import TestKit
import Testing

/// How many mappings there are is counted as they change.
@Suite(.scratch) struct CountTests {
    @Test func `whatever sizes are claimed, what there is is counted`() async throws {
        let sample = try await CatalogSample()
        for number in 1...3 {
            var seen = sample.seen(number, .claimed, by: "claim")
            seen.size = UInt64(Int64.max)
            _ = try await sample.catalog.claim(seen, on: "a", name: "")
        }
        #expect(try await sample.catalog.mappingCounts()["a"]?.byStatus == [.pending: 3])
    }

    /// Whatever is seen, claimed, doubted and forgotten, the counts that are kept are those of the mappings.
    @Test(arguments: 0..<4) func `what is counted is what there is`(seed: Int) async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        var numbers = SeededNumbers(seed: UInt64(seed))
        let findings: [Observation.Finding] = [.whole, .whole, .missing, .damaged, .present, .claimed, .removed]
        for _ in 0..<150 {
            let number = Int.random(in: 1...12, using: &numbers)
            sample.clock.advance(.random(in: 0...5, using: &numbers))
            let backend = Bool.random(using: &numbers) ? "a" : "b"
            switch Int.random(in: 0..<20, using: &numbers) {
            case 0: _ = try await catalog.forgetMapping(root(number), of: backend)
            case 1: try await catalog.reincarnate(backend)
            case 2:
                try await catalog.removeBackend(backend)
                try await catalog.register([backend])
            default:
                let finding = findings.randomElement(using: &numbers) ?? .whole
                var seen = sample.seen(number, finding, by: finding == .claimed ? "claim" : "read-back")
                seen.size = UInt64.random(in: 0...1000, using: &numbers)
                if finding == .claimed {
                    _ = try await catalog.claim(seen, on: backend, name: "")
                } else {
                    let lease = try await sample.lease(backend)
                    try await catalog.record([seen], under: lease)
                    try await catalog.release(lease)
                }
            }
            let counts = try await catalog.mappingCounts()
            for name in ["a", "b"] {
                let all = try await catalog.mappings(on: name)
                let known = counts[name] ?? MappingCounts()
                #expect(known.byStatus == Dictionary(grouping: all, by: \.status).mapValues(\.count))
                let stored = all.filter { $0.status == .stored }
                #expect(known.storedBytes == stored.reduce(0) { $0 + ($1.size ?? 0) })
                #expect(known.oldest?.at == stored.compactMap(\.evidence?.at).min())
                #expect(known.newest?.at == stored.compactMap(\.evidence?.at).max())
            }
        }
        try await catalog.check()
    }

    /// They follow from the mappings, so a check makes them anew.
    @Test func `counts that are wrong are mended`() async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.record([sample.seen(1), sample.seen(2, .damaged)], under: lease)
        for change in [
            "UPDATE mapping_counts SET number = 7", "DELETE FROM mapping_counts",
            "UPDATE mapping_counts SET bytes = 1 WHERE status = 'stored'",
            "INSERT INTO mapping_counts VALUES('b', 'stored', 1, 1)",
        ] {
            var database = try Database(path: sample.path)
            try database.run(change)
            try await sample.catalog.check()
            let counts = try await sample.catalog.mappingCounts()
            #expect(counts["a"]?.byStatus == [.stored: 1, .corrupt: 1] && counts["a"]?.storedBytes == 10)
            #expect(counts["b"] == nil, "\(counts)")
        }
    }

    /// What is at another place than the copy that was seen may be somebody else's, and is not this kit's to remove.
    @Test(arguments: ["cars/1.car", "theirs.car"]) func `a claim at another place is nobody's`(
        path: String
    ) async throws {
        let sample = try await CatalogSample()
        let lease = try await sample.lease()
        try await sample.catalog.record([sample.seen(1)], under: lease)
        try await sample.catalog.doubt([root(1)], atPlaceUnder: lease)
        #expect(try await sample.mapping(1)?.status == .unknown)
        _ = try await sample.catalog.claim(sample.seen(1, .claimed, by: "claim", path: path), on: "a", name: "")
        let claimed = try #require(await sample.mapping(1))
        #expect(claimed.status == .pending && claimed.observedSize == nil && claimed.path == path)
        #expect(claimed.isOurs == (path == "cars/1.car"))
    }
}
