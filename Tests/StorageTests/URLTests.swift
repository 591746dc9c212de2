import IPLD
import Samples
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

/// URLs by which anybody can read what a backend has.
@Suite struct URLTests {
    private let sample = SampleArchive(seed: 8, leaves: 20)
    private let end = Timestamp(milliseconds: 1000)

    /// A service that gives URLs.
    private func giving(_ limits: Limits = Limits()) -> AlteredService {
        AlteredService(MemoryService(limits: limits)) {
            $0.capabilities.insert(.urls)
            $0.onURL = { (name, end) throws(StorageError) in "https://u.test/\(name)?t=\(end.milliseconds)" }
        }
    }

    private func urls(
        _ service: any StorageService,
        at location: Location?
    ) async throws -> [String] {
        let content = ContentTrail(
            CheckedContent(CARArchive(service), backend: "b"),
            notes: nil,
            asked: { _ in }
        )
        return try await content.urls(of: sample.root, at: location, until: end).map(\.text)
    }

    @Test func `every wrapper passes it on`() async throws {
        let object = try name("x")
        let calls = policy(Timing(now: { 0 }))
        let wrapped: [any StorageService] = [
            Checked(giving(), backend: "b"), Governed(giving(), by: calls), Trail(giving()), AlteredService(giving()),
            FaultyService(giving()), LaggingService(giving()),
        ]
        for service in wrapped {
            #expect(try await service.url(object, until: end) == "https://u.test/x?t=1000", "\(type(of: service))")
        }
        #expect(try await Corner(giving(), "in").url(object, until: end) == "https://u.test/in/x?t=1000")
        let own = try CARArchive.name(of: sample.root).text
        #expect(try await urls(giving(), at: nil) == ["https://u.test/\(own)?t=1000"])
        #expect(try await urls(giving(), at: Location("a/b.car")) == ["https://u.test/a/b.car?t=1000"])
    }

    @Test func `each shard has one, in their order`() async throws {
        let service = giving(Limits(largestObject: 1000))
        let upload = Upload(sample.root, places: { sample.places }, sample.body)
        guard case .stored(let location, _) = try await CARArchive(service).store(upload) else {
            Issue.record("It was not stored.")
            return
        }
        let urls = try await urls(service, at: location)
        #expect(urls.count > 3 && urls == location.shards.map { "https://u.test/\($0.name)?t=1000" })
    }

    @Test func `a backend that gives none says so`() async throws {
        for service in [MemoryService(), Checked(MemoryService(), backend: "b")] as [any StorageService] {
            let error = await #expect(throws: StorageError.self) { try await service.url(try name("x"), until: end) }
            #expect(error?.code == .unsupported)
        }
        let error = await #expect(throws: StorageError.self) { try await urls(MemoryService(), at: nil) }
        #expect(error?.code == .unsupported && error?.backend == "b")
    }
}
