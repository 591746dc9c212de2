import Catalog
import Multiformats
@testable import Replication
import Schema
import Storage
import TestKit
import Testing

/// What a service accepts and does later is asked for until it is done, and its word is no replica.
@Suite(.scratch) struct TicketTests {
    @Test(arguments: [0, 1, 3]) func `what is accepted is asked for until it is done`(questions: Int) async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: questions)
        let root = try await sample.pin(1)
        for _ in 0..<questions {
            let report = try await sample.sync(content: service)
            #expect(report.awaited == [root] && report.uploaded == 0 && !report.isComplete)
            #expect(try await sample.isDirty() == true)
        }
        let report = try await sample.sync(content: service)
        #expect(report.awaited.isEmpty && report.uploaded == 1 && report.isComplete, "\(report)")
        #expect(service.log.count { $0 == "store" } == 1)
        // It is a claim, and no replica; and nothing more is asked.
        #expect(try await sample.status(root) == .pending)
        #expect(try await sample.catalog.unprotectedPins() == [root])
        let calls = service.log.count
        #expect(try await sample.sync(content: service).wasClean)
        #expect(service.log.count == calls)
    }

    /// Where homes leave nothing, the service says which place it is.
    @Test func `another account is another place`() async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: 0)
        service.change(account: "mine")
        let roots = [try await sample.pin(1), try await sample.pin(2)]
        #expect(try await sample.sync(content: service).isComplete)
        service.change(account: "somebody else's")
        try await sample.pin(3)
        let refused = try await sample.sync(content: service)
        guard case .strangePlace(_, let sentence)? = refused.stopped else {
            Issue.record("\(refused)")
            return
        }
        #expect(sentence.contains("mine") && sentence.contains("somebody else's"))
        #expect(try await sample.status(roots[0]) == .pending && service.log.count { $0 == "store" } == 2)
        // On the owner's word nothing counts of what was said of the other one.
        #expect(try await sample.sync(content: service, force: true).uploaded + 2 == 3)
        #expect(try await sample.sync(content: service).wasClean)
    }

    @Test func `who is told to wait does not ask`() async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: 2, wait: .seconds(3600))
        let root = try await sample.pin(1)
        try await sample.sync(content: service)
        #expect(try await sample.sync(content: service).awaited == [root])
        #expect(!service.log.contains("check"))
        sample.clock.advance(by: .seconds(3601))
        #expect(try await sample.sync(content: service).awaited == [root])
        #expect(service.log.count { $0 == "check" } == 1)
        sample.clock.advance(by: .seconds(3601))
        #expect(try await sample.sync(content: service).isComplete)
    }

    @Test func `who fetches content himself is told what it is called and who has it`() async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: 1)
        let root = try await sample.pin(1)
        for node in ["/dnsaddr/one.example", "/dnsaddr/two.example"] {
            let wanted = RequestedPin(cid: root, name: "asked", origins: ["/dnsaddr/one.example", node])
            _ = try await sample.catalog.addRequest(wanted, by: "somebody")
        }
        try await sample.sync(content: service)
        let upload = try #require(service.uploads.read { $0.first })
        #expect(upload.origins.sorted() == ["/dnsaddr/one.example", "/dnsaddr/two.example"])
        #expect(try await upload.name == sample.catalog.pin(root)?.name)
    }

    @Test func `what came to nothing is told, and tried by the next sync`() async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: 1)
        let (bad, good) = (try await sample.pin(1), try await sample.pin(2))
        try await sample.sync(content: service)
        service.spoil(bad, "no provider has it")
        let report = try await sample.sync(content: service)
        #expect(report.failures.map(\.root) == [bad] && report.uploaded == 1)
        #expect(report.failures.first?.error.description.contains("no provider has it") == true)
        #expect(try await sample.status(good) == .pending)
        #expect(try await sample.sync(content: service).awaited == [bad])
        #expect(try await sample.sync(content: service).isComplete)
    }

    @Test func `a ticket that cannot be asked about stops no other`() async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: 1)
        let roots = [try await sample.pin(1), try await sample.pin(2), try await sample.pin(3)].sorted()
        try await sample.sync(content: service)
        service.silence(roots[0])
        let report = try await sample.sync(content: service)
        #expect(report.failures.map(\.root) == [roots[0]] && report.uploaded == 2, "\(report)")
        #expect(report.stopped == nil && !report.isComplete)
        // The ticket is kept, and nothing is asked for twice.
        #expect(try await sample.catalog.transfers(on: "a").map(\.cid) == [roots[0]])
        #expect(try await sample.sync(content: service).failures.map(\.root) == [roots[0]])
        #expect(service.log.count { $0 == "store" } == 3)
    }

    @Test func `a ticket of which the service knows nothing is asked for anew`() async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: 1)
        let root = try await sample.pin(1)
        try await sample.sync(content: service)
        service.spoil(root, nil)
        #expect(try await sample.sync(content: service).awaited == [root])
        #expect(service.log.count { $0 == "store" } == 2)
    }

    /// A sync was killed before it wrote the ticket down.
    @Test func `what the service works on already is not sent twice`() async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: 3)
        let root = try await sample.pin(1)
        _ = try await service.store(Upload(root, Body([])))
        let report = try await sample.sync(content: service)
        #expect(report.awaited == [root])
        #expect(service.log.count { $0 == "store" } == 1)
    }

    @Test(arguments: [true, false]) func `what no pin wants any more is removed`(isDone: Bool) async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: isDone ? 0 : 5)
        let root = try await sample.pin(1)
        try await sample.sync(content: service)
        _ = try await sample.catalog.removePins([root], reason: "test")
        try await sample.sync(content: service, prune: true)
        #expect(service.log.contains("remove"))
        guard case .absent = await service.presence(of: root, at: nil) else {
            Issue.record("It is there still.")
            return
        }
        #expect(try await sample.status(root) == nil)
        #expect(try await sample.sync(content: service).wasClean)
    }
}
