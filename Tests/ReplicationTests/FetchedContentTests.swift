import Catalog
import IPLD
import Multiformats
@testable import Replication
import Schema
import Storage
import TestKit
import Testing

/// What a service fetched by itself is a claim until it was read back.
@Suite(.scratch) struct FetchedContentTests {
    private func car(_ number: Int) -> [UInt8] {
        let block = EngineSample.block(number)
        let prefix = CARSection.prefix(for: block.cid, length: block.bytes.count)
        return CARHeader(roots: [block.cid]).encoded + prefix + block.bytes
    }

    private static let silence = StorageError(.unavailable, "The gateway answers 504.", retry: .later)

    @Test(arguments: [0, 2])
    func `what is read back is stored, and nothing of it was sent`(_ questions: Int) async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: questions, gives: true)
        let root = try await sample.pin(1)
        service.gifts.change { $0[root] = .success(car(1)) }
        for _ in 0..<questions {
            #expect(try await sample.sync(content: service).awaited == [root])
            #expect(try await sample.status(root) == nil)
        }
        let report = try await sample.sync(content: service)
        #expect(report.isComplete && report.uploaded + report.adopted == 1 && report.bytesUploaded == 0, "\(report)")
        #expect(try await sample.status(root) == .stored)
        #expect(try await sample.catalog.unprotectedPins().isEmpty)
        #expect(service.log.count { $0 == "store" } == 1)
        #expect(try await sample.sync(content: service).wasClean)
    }

    @Test func `what cannot be read is a claim, and is read by the next sync`() async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: 0, gives: true)
        let root = try await sample.pin(1)
        service.gifts.change { $0[root] = .failure(Self.silence) }
        for _ in 0..<2 {
            let report = try await sample.sync(content: service)
            #expect(report.failures.map(\.root) == [root] && report.uploaded == 0 && !report.isComplete, "\(report)")
            #expect(try await sample.status(root) == .pending)
            #expect(try await sample.isDirty() == true)
        }
        service.gifts.change { $0[root] = .success(car(1)) }
        #expect(try await sample.sync(content: service).isComplete)
        #expect(try await sample.status(root) == .stored)
        #expect(service.log.count { $0 == "store" } == 1)
    }

    /// It is asked for once, and what comes of that is looked at, and not what was known before.
    @Test func `what is damaged is asked for anew, once`() async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: 1, gives: true)
        let root = try await sample.pin(1)
        service.gifts.change { $0[root] = .success(car(1)) }
        try await sample.sync(content: service)
        try await sample.sync(content: service)
        #expect(try await sample.status(root) == .stored)
        var damaged = car(1)
        damaged[damaged.count - 1] ^= 1
        service.gifts.change { [damaged] in $0[root] = .success(damaged) }
        #expect(try await sample.sync(content: service, force: true).awaited == [root])
        #expect(try await sample.status(root) == .corrupt)
        #expect(service.uploads.read { $0.map(\.isDamaged) } == [false, true])
        service.gifts.change { $0[root] = .success(car(1)) }
        #expect(try await sample.sync(content: service).isComplete)
        #expect(try await sample.status(root) == .stored && service.log.count { $0 == "store" } == 2)
    }

    @Test func `what comes damaged is no copy`() async throws {
        let sample = try await EngineSample()
        let service = WordService(questions: 0, gives: true)
        let root = try await sample.pin(1)
        service.gifts.change { $0[root] = .success(Array(car(1).dropLast())) }
        let report = try await sample.sync(content: service)
        #expect(report.failures.map(\.root) == [root] && report.uploaded == 0)
        #expect(try await sample.status(root) == .corrupt)
    }
}
