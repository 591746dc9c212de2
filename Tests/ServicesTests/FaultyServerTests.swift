import Samples
import Services
import Storage
import StorageLaws
import TestKit
import Testing

/// S3 behind a proxy that goes wrong, over a real server.
@Suite(.timeLimit(.minutes(3))) struct FaultyServerTests {
    private let bytes = sampleBytes(700_000)

    @Test func repeatsWhatTheServerCouldNotDoNow() async throws {
        let slow = FaultyProxy.Rule.status(503, ["Retry-After": "0"]).on("PUT", times: 1...2)
        try await behind([slow]) { (service, proxy) in
            _ = try await service.put(try #require(ObjectName("a")), Body(bytes))
            #expect(try await proxy.count("PUT") == 3)
            #expect(try await collect(service.read(try #require(ObjectName("a"))), limit: 1 << 20) == bytes)
        }
    }

    @Test(arguments: [FaultyProxy.Rule.drop, .reset])
    func aLostReplyIsRepeated(_ rule: FaultyProxy.Rule) async throws {
        try await behind([rule.on("PUT", times: 1...1)]) { (service, proxy) in
            _ = try await service.put(try #require(ObjectName("a")), Body(bytes))
            #expect(try await service.stat(try #require(ObjectName("a"))).length == 700_000)
        }
    }

    @Test(arguments: [0, 1, 300_000, 699_999])
    func aReadThatIsCutOffGoesOn(_ count: Int) async throws {
        try await behind([.cut(count).on("GET", path: "/a", times: 1...1)]) { (service, _) in
            let object = try #require(ObjectName("a"))
            _ = try await service.put(object, Body(bytes))
            let found = try await collect(service.read(object, nil), limit: 1 << 20)
            #expect(found == bytes)
        }
    }

    @Test func aReadThatIsAlwaysCutOffFails() async throws {
        try await behind([.cut(0).on("GET", path: "/a")], retries: 1) { (service, _) in
            let object = try #require(ObjectName("a"))
            _ = try await service.put(object, Body(bytes))
            await #expect(throws: StorageError.self) {
                try await collect(service.read(object, nil), limit: 1 << 20)
            }
        }
    }

    @Test func aPageOfAnotherKindIsNoList() async throws {
        let page = FaultyProxy.Rule.status(200, ["Content-Type": "text/html"], body: "<html><p>Please log in</html>")
        try await behind([page.on("GET", path: "list-type")], retries: 0) { (service, _) in
            await #expect(throws: StorageError.self) { for try await _ in service.list("") {} }
        }
    }

    @Test(arguments: [403, 500, 502, 503, 429])
    func onlyNotFoundIsAbsence(_ status: Int) async throws {
        try await behind([.status(status, ["Retry-After": "0"])], retries: 0) { (service, _) in
            let error = await #expect(throws: StorageError.self) {
                try await service.stat(try #require(ObjectName("a")))
            }
            #expect(error?.code != .notFound)
        }
    }

    @Test func aReadFromASilentServerStopsWhenItIsToldTo() async throws {
        try await behind([.hang.on("GET", path: "/a")]) { (service, proxy) in
            let object = try #require(ObjectName("a"))
            let task = Task { try await collect(service.read(object, nil), limit: 1 << 20) }
            while try await proxy.count("GET") == 0 { await Task.yield() }
            task.cancel()
            let error = await #expect(throws: StorageError.self) { try await task.value }
            #expect(error?.code == .cancelled)
        }
    }

    /// Every fifth of 200 parts fails once: by itself it is sent again, and nothing else is.
    @Test func `a part that fails is sent again and no other`() async throws {
        let part = 5 << 20
        let lost = stride(from: 5, through: 200, by: 5).map { number in
            FaultyProxy.Rule.status(500).on("PUT", path: "partNumber=\(number)&", times: 1...1)
        }
        let meter = Meter()
        try await behind(lost, meter: meter) { (service, proxy) in
            let chunk = sampleBytes(part)
            let body = Body(length: UInt64(200 * part)) { range in
                Pulled {
                    let position = Locked(range.lowerBound)
                    return { () async throws(StorageError) in
                        position.change { position in
                            let start = Int(position % UInt64(part))
                            let end = min(part, start + Int(range.upperBound - position), start + (1 << 20))
                            position += UInt64(end - start)
                            return start < end ? Array(chunk[start..<end]) : nil
                        }
                    }
                }
            }
            _ = try await service.put(try #require(ObjectName("large")), body)
            let sent = try await proxy.requests().filter { $0.hasPrefix("PUT ") && $0.contains("partNumber=") }
            for number in 1...200 {
                let count = sent.count { $0.contains("partNumber=\(number)&") }
                #expect(count == (number.isMultiple(of: 5) ? 2 : 1), "part \(number): \(count)")
            }
            #expect(try await meter.counts.calls == UInt64(proxy.requests().count))
            #expect(try await meter.counts.bytesStored == proxy.bodyBytes())
            #expect(meter.counts.failures == 40)
        }
    }

    private func behind(
        _ rules: [FaultyProxy.Rule],
        retries: Int = 3,
        meter: Meter = Meter(),
        _ work: (any StorageService, FaultyProxy) async throws -> Void
    ) async throws {
        let server = try await S3Server.running(.moto)
        let proxy = try await FaultyProxy.start(before: server.endpoint, rules)
        let values = Subject.settings(of: server, bucket: try await server.sharedBucket(), endpoint: proxy.endpoint)
        let service = try #require(try await Subject.open("s3", values, retries: retries, meter: meter).objects)
        try await work(service, proxy)
    }
}
