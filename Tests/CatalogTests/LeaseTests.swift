@testable import Catalog
import Foundation
import Multiformats
import POSIX
import Schema
import TestKit
import Testing

/// One process changes a backend at a time; who has lost the right writes nothing.
@Suite(.scratch) struct LeaseTests {
    @Test func `a lease belongs to one until it is given back, whatever the clock says`() async throws {
        let sample = try await CatalogSample()
        let other = try Catalog(path: sample.path)
        let lease = try await sample.lease()
        for _ in 0..<2 {
            let second = try await other.takeLease("a", for: 60_000)
            let holder = #expect(throws: LeaseHolder.self) { try second.get() }
            #expect(holder?.process == processIdentifier)
            // The holder is alive, so it has the lease: no clock takes it away on one machine.
            sample.clock.advance(10_000_000)
        }
        try await sample.catalog.renew(lease, for: 60_000)
        try await sample.catalog.release(lease)
        withExtendedLifetime(lease) {}
    }

    @Test func `a lease that was dropped is free, though its row is still there`() async throws {
        let sample = try await CatalogSample()
        do { _ = try await sample.lease() }
        #expect(try await sample.catalog.holders().isEmpty)
        let next = try await sample.lease()
        #expect(try await sample.catalog.holders().keys.sorted() == ["a"])
        try await sample.catalog.check(next)
    }

    @Test func `the row of another machine is heeded until it runs out`() async throws {
        let sample = try await CatalogSample()
        try await sample.catalog.write { (database) throws(CatalogError) in
            try database.change(
                """
                INSERT INTO leases(backend, token, changes, host, boot, process, expires_at)
                    VALUES('a', 't', 1, 'elsewhere', 'other', 77, 1060000)
                """
            )
        }
        let refused = try await sample.catalog.takeLease("a", for: 60_000)
        #expect(throws: LeaseHolder(process: 77, host: "elsewhere")) { try refused.get() }
        sample.clock.advance(60_001)
        let lease = try await sample.lease()
        try await sample.catalog.check(lease)
    }

    enum Loss: CaseIterable { case takenOver, backendRemoved, backendMadeAgain }

    @Test(arguments: Loss.allCases) func `who lost the lease writes nothing`(loss: Loss) async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let lease = try await sample.lease()
        switch loss {
        case .takenOver:
            try await catalog.write { (database) throws(CatalogError) in
                try database.change("UPDATE leases SET token = 'another'")
            }
        case .backendRemoved: try await catalog.removeBackend("a")
        case .backendMadeAgain:
            try await catalog.removeBackend("a")
            try await catalog.register(["a"])
        }
        let writes: [(String, () async throws -> Void)] = [
            ("record", { try await catalog.record([sample.seen(1)], under: lease) }),
            ("begin", { try await catalog.begin([root(1)], under: lease) }),
            ("begin removals", { _ = try await catalog.begin([(root(1), .unwanted)], under: lease) }),
            ("failures", { try await catalog.noteFailures([(root(1), "x", true)], under: lease) }),
            ("finish", { try await catalog.finishSync(generation: 9, under: lease) }),
            ("fail", { try await catalog.failSync(problem: "x", under: lease) }),
            ("snapshot", { try await catalog.noteSnapshot("x", hasAll: true, under: lease) }),
            ("marker", { try await catalog.noteMarker("x", identity: nil, under: lease) }),
            ("peers", { try await catalog.notePeers([("k", "i", catalog.time)], isFirstLook: false, under: lease) }),
            ("places", { try await catalog.join(places: ["x", "y"], under: lease) }),
            ("forget", { try await catalog.forgetMissing([root(1)], under: lease) }),
            ("another place", { try await catalog.reincarnate(under: lease) }),
            ("renew", { try await catalog.renew(lease, for: 1) }),
            ("check", { try await catalog.check(lease) }),
            ("may remove", { _ = try await catalog.removal(of: "x", under: lease) }),
        ]
        for (name, write) in writes {
            let error = await #expect(throws: CatalogError.self, "\(name)") { try await write() }
            #expect(error?.code == .fenced, "\(name)")
        }
        #expect(try await catalog.mappings(of: [root(1)]).isEmpty)
        #expect(try await catalog.transfers(on: "a").isEmpty)
    }
}
