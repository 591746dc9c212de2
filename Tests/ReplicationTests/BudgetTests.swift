import BlockStore
import Catalog
import IPLD
import Multiformats
@testable import Replication
import Schema
import Storage
import TestKit
import Testing

/// A sync that may send so much, or begin work for so long: it stops in order, and the next one goes on.
@Suite(.scratch) struct BudgetTests {
    @Test func `no more is sent than may be`() async throws {
        let home = try await EngineSample()
        let service = FaultyService(home.service())
        let roots = try await home.pin(many: 10)
        // All CARs have this length.
        let other = try await EngineSample("other")
        try await other.pin(0)
        let length = try await other.sync(other.service()).bytesUploaded

        let first = try await home.sync(service, budget: SyncBudget(bytes: length * 7 + 3, timing: home.clock.timing))
        #expect(first.uploaded == 7 && first.bytesUploaded == length * 7 && first.notTried == 3)
        #expect(first.bound != nil && !first.isComplete && first.failures.isEmpty && first.stopped == nil)
        // What was sent is kept by a snapshot, and nothing of the rest was begun.
        #expect(first.snapshot != nil)
        #expect(try await home.catalog.transfers(on: "a").isEmpty)
        #expect(try await home.catalog.backendState("a")?.isDirty == true)

        let before = service.calls.count
        let second = try await home.sync(service)
        #expect(second.uploaded == 3 && second.isComplete)
        let asked = service.calls[before...].filter { $0.hasPrefix("list cars") || $0.hasPrefix("stat cars") }
        // Before the first whole sync what is known is looked at, and nothing else.
        #expect(asked.count == 7, "nothing may have arrived that nobody knows of: \(asked)")
        #expect(try await home.catalog.mappings(on: "a").count { $0.status == .stored } == roots.count)
    }

    /// One bound is that of all backends together.
    @Test func `backends share what may be sent`() async throws {
        let home = try await EngineSample()
        _ = try await home.pin(many: 4)
        let length = try await home.sync(home.service(), "a").bytesUploaded / 4
        let budget = SyncBudget(bytes: length * 5, timing: home.clock.timing)
        try await home.catalog.register(["b", "c"])
        let one = try await home.sync(home.service(), "b", budget: budget, places: ["a", "b", "c"])
        let two = try await home.sync(home.service(), "c", budget: budget, places: ["a", "b", "c"])
        #expect(one.uploaded == 4 && one.isComplete && two.uploaded == 1 && two.notTried == 3)
    }

    @Test func `what is begun in time is brought to its end`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        _ = try await home.pin(many: 10)
        // A clock of its own: waiting for a lease moves that of the sample.
        let seconds = Locked(0)
        let timing = Timing(now: { home.clock.now }, uptime: { .seconds(seconds.read { $0 }) })
        let budget = SyncBudget(seconds: 5, timing: timing)
        let slow = FaultyService(
            service,
            [
                Fault(
                    .put,
                    times: 1...Int.max,
                    .alter { bytes in
                        seconds.change { $0 += 1 }
                        return bytes
                    }
                )
            ]
        )
        let report = try await home.sync(slow, budget: budget)
        #expect(report.bound != nil && report.uploaded > 0 && report.uploaded < 10, "\(report)")
        #expect(report.uploaded + report.notTried == 10 && report.failures.isEmpty)
        let over = try await home.sync(service, budget: SyncBudget(seconds: 0, timing: timing))
        #expect(over.uploaded == 0 && over.bound != nil)
        #expect(try await home.sync(service).isComplete)
    }

    /// A root that is longer than the bound keeps no other from being sent, and is told each time.
    @Test func `what is longer than the bound is told`() async throws {
        let home = try await EngineSample()
        let short = try await home.pin(many: 3)
        let length = try await home.sync(home.service()).bytesUploaded / 3
        let long = Block(codec: .raw, bytes: [UInt8](repeating: 7, count: 5000))
        try await home.store.ingest { try await $0.write([long]) }
        try await home.catalog.addPins([Pin(cid: long.cid, createdAt: home.catalog.time)], reason: "test")
        try await home.catalog.register(["b"])
        let service = home.service()
        for _ in 0..<2 {
            let budget = SyncBudget(bytes: length * 4, timing: home.clock.timing)
            let report = try await home.sync(service, "b", budget: budget, places: ["a", "b"])
            #expect(report.uploaded + report.adopted <= short.count)
            let failure = try #require(report.failures.first, "\(report)")
            #expect(report.failures.count == 1 && failure.root == long.cid && report.bound == nil)
            #expect(failure.error.description.contains("\(length * 4)"))
        }
    }
}
