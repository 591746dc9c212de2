import Samples
import Services
import Storage
import StorageLaws
import TestKit
import Testing

/// Servers behind a proxy that goes wrong, whatever is asked for by HTTP.
@Suite(.inTurn, .timeLimit(.minutes(5))) struct FaultyServerTests {
    private let bytes = sampleBytes(700_000)
    private let object = ObjectName("a")

    /// A rule for the requests of a call about the object.
    private func on(
        _ call: Trouble.Call,
        of subject: Subject,
        _ rule: FaultyProxy.Rule,
        times: ClosedRange<Int> = 1...(1 << 60)
    ) throws -> FaultyProxy.Rule {
        let (method, path) = try #require(subject.http).requests(call, "a")
        return rule.on(method, path: path, times: times)
    }

    private func count(_ call: Trouble.Call, of subject: Subject, _ proxy: FaultyProxy) async throws -> Int {
        let (method, path) = try #require(subject.http).requests(call, "a")
        return try await proxy.count(method, path: path)
    }

    @Test(arguments: Subject.overHTTP)
    func repeatsWhatTheServerCouldNotDoNow(_ subject: Subject) async throws {
        let slow = try on(.put, of: subject, .status(503, ["Retry-After": "0"]), times: 1...2)
        let (service, proxy) = try await subject.openBehind([slow])
        let object = try #require(object)
        _ = try await service.put(object, Body(bytes))
        #expect(try await count(.put, of: subject, proxy) == 3)
        #expect(try await collect(service.read(object), limit: 1 << 20) == bytes)
    }

    @Test(arguments: Subject.overHTTP, [FaultyProxy.Rule.drop, .reset])
    func aLostReplyIsRepeated(_ subject: Subject, _ rule: FaultyProxy.Rule) async throws {
        let (service, _) = try await subject.openBehind([try on(.put, of: subject, rule, times: 1...1)])
        let object = try #require(object)
        _ = try await service.put(object, Body(bytes))
        #expect(try await service.stat(object).length == 700_000)
    }

    @Test(arguments: Subject.overHTTP, [0, 1, 300_000, 699_999])
    func aReadThatIsCutOffGoesOn(_ subject: Subject, _ count: Int) async throws {
        let (service, proxy) = try await subject.openBehind([])
        let object = try #require(object)
        _ = try await service.put(object, Body(bytes))
        // What was written in this second has no version by which a read could go on, on some servers.
        #expect(
            try await holds {
                let opened = try await service.get(object, 0..<1, version: nil)
                _ = try await collect(opened.stream, limit: 1)
                return opened.version != nil
            }
        )
        try await proxy.set([try on(.get, of: subject, .cut(count), times: 1...1)], for: "cut")
        let found = try await collect(service.read(object, nil), limit: 1 << 20)
        #expect(found == bytes)
    }

    @Test(arguments: Subject.overHTTP)
    func aReadThatIsAlwaysCutOffFails(_ subject: Subject) async throws {
        let (service, _) = try await subject.openBehind([try on(.get, of: subject, .cut(0))], retries: 1)
        let object = try #require(object)
        _ = try await service.put(object, Body(bytes))
        await #expect(throws: StorageError.self) { try await collect(service.read(object, nil), limit: 1 << 20) }
    }

    @Test(arguments: Subject.overHTTP)
    func aPageOfAnotherKindIsNoList(_ subject: Subject) async throws {
        let page = FaultyProxy.Rule.status(200, ["Content-Type": "text/html"], body: "<html><p>Please log in</html>")
        let (service, _) = try await subject.openBehind([try on(.list, of: subject, page)], retries: 0)
        await #expect(throws: StorageError.self) { for try await _ in service.list("") {} }
    }

    @Test(arguments: Subject.overHTTP, [403, 500, 502, 503, 429])
    func onlyNotFoundIsAbsence(_ subject: Subject, _ status: Int) async throws {
        let (service, _) = try await subject.openBehind([.status(status, ["Retry-After": "0"])], retries: 0)
        let object = try #require(object)
        let error = await #expect(throws: StorageError.self) { try await service.stat(object) }
        #expect(error?.code != .notFound)
    }

    @Test(arguments: Subject.overHTTP)
    func aReadFromASilentServerStopsWhenItIsToldTo(_ subject: Subject) async throws {
        let (service, proxy) = try await subject.openBehind([try on(.get, of: subject, .hang)])
        let object = try #require(object)
        _ = try await service.put(object, Body(bytes))
        let before = try await count(.get, of: subject, proxy)
        let task = Task { try await collect(service.read(object, nil), limit: 1 << 20) }
        while try await count(.get, of: subject, proxy) == before { await Task.yield() }
        task.cancel()
        let error = await #expect(throws: StorageError.self) { try await task.value }
        #expect(error?.code == .cancelled)
    }

    /// Every fifth of 200 parts fails once: by itself it is sent again, and nothing else is.
    ///
    /// What is counted is what this server does: moto answers 500 of its own where much is asked at once.
    @Test func `a part that fails is sent again and no other`() async throws {
        let part = 5 << 20
        let lost = stride(from: 5, through: 200, by: 5).map { number in
            FaultyProxy.Rule.status(500).on("PUT", path: "partNumber=\(number)&", times: 1...1)
        }
        let meter = Meter()
        let (service, proxy) = try await Subject.s3OverSeaweedfs.openBehind(lost, meter: meter)
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
