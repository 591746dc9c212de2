import Digests
import Foundation
import POSIX
import Samples
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// What is fetched by a real aria2, from real servers and such as break.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct Aria2Tests {
    private let large = SampleArchive(seed: 1, leaves: 4500)
    private let small = SampleArchive(seed: 2)

    private func state() -> String { Scratch.current + "/state-\(UUID().uuidString)" }

    private func read(_ content: any ContentService, _ archive: SampleArchive) async throws -> [UInt8] {
        try await collect(content.read(archive.root), limit: 1 << 30)
    }

    private func failure(_ content: any ContentService, _ archive: SampleArchive) async -> StorageError? {
        do {
            _ = try await read(content, archive)
            return nil
        } catch {
            return error as? StorageError
        }
    }

    /// What is left below a folder, but for the file of a lock.
    private func remains(_ folder: String) throws -> [String] {
        try Trees.files(in: folder).filter { !$0.hasSuffix(".lock") }
    }

    /// The command lines of the daemons that were started below a folder.
    private func daemons(_ folder: String) -> [Int32] { processes { $0.contains { $0.contains(folder) } } }

    @Test(arguments: [S3Server.Kind.rclone, .seaweedfs])
    func whatIsOfferedIsFetchedInPieces(_ kind: S3Server.Kind) async throws {
        let server = try await S3Server.running(kind)
        let proxy = try await FaultyProxy.start(before: server.endpoint, [])
        let giver = try await URLGiver("giver", kind, at: proxy.endpoint)
        let archive = SampleArchive(seed: 3, leaves: 6000)
        try await giver.store(archive)
        let (meter, state) = (Meter(), state())
        let content = try await Subject.openFetching(meter: meter, at: state, offering: URLGiver.offers(of: [giver]))
        try await Subject.closing(content) { (content) async throws in
            let before = try await proxy.count("GET")
            #expect(try await read(content, archive) == archive.bytes)
            #expect(try await proxy.count("GET") - before >= 4)
            // A part of it costs no other request: the last one is kept.
            let requests = try await proxy.requests().count
            let part = try await collect(content.read(archive.root, at: nil, 1000..<70_000).stream, limit: 1 << 20)
            #expect(part == Array(archive.bytes[1000..<70_000]))
            let beyond = try await content.read(archive.root, at: nil, 9_000_000_000..<9_000_000_001)
            #expect(try await collect(beyond.stream, limit: 9) == [])
            #expect(try await proxy.requests().count == requests)
            #expect(meter.counts.gets == 1 && meter.counts.bytesRead == UInt64(archive.bytes.count))
            // It has no name any more, and no secret stands in a command line or a file.
            #expect(try remains(state).isEmpty)
            let lines = daemons(state).compactMap { try? readSystemFile("/proc/\($0)/cmdline") }
            #expect(lines.count == 1 && !lines.contains { String(decoding: $0, as: UTF8.self).contains("secret") })
        }
        #expect(daemons(state).isEmpty)
        #expect(try remains(state).isEmpty)
    }

    @Test func whatNobodyOffersIsUnknown() async throws {
        let content = try await Subject.openFetching()
        try await Subject.closing(content) { (content) async throws in
            guard case .unknown(let error) = await content.presence(of: small.root, at: nil) else {
                Issue.record("It says more than it knows.")
                return
            }
            #expect(error.code == .unavailable && error.retry == .never)
            #expect(try await content.probe().contains("aria2 1."))
        }
    }

    /// One bad copy spoils what several give together, and none of the others.
    @Test func aDamagedCopyIsToldFromAGoodOne() async throws {
        let (bad, good) = (try await URLGiver("bad"), try await URLGiver("good"))
        for giver in [bad, good] { try await giver.store(large) }
        var bytes = large.bytes
        bytes[bytes.count / 2] ^= 1
        try await bad.replace(large, by: bytes)
        let both = try await Subject.openFetching(offering: URLGiver.offers(of: [bad, good]))
        try await Subject.closing(both) { (content) async throws in
            let bytes = try await read(content, large)
            #expect(bytes == large.bytes)
        }
        let state = state()
        let alone = try await Subject.openFetching(at: state, offering: URLGiver.offers(of: [bad]))
        try await Subject.closing(alone) { (content) async throws in
            let error = await failure(content, large)
            #expect(error?.code == .corrupt && error?.backend == "bad", "\(String(describing: error))")
            #expect(try remains(state).isEmpty)
        }
    }

    /// Without a digest whoever reads compares the blocks; what has another length is not fetched at all.
    @Test func whatHasAnotherLengthIsNotFetched() async throws {
        let giver = try await URLGiver()
        try await giver.store(large.upload, nil)
        let meter = Meter()
        let content = try await Subject.openFetching(meter: meter, offering: URLGiver.offers(of: [giver]))
        try await Subject.closing(content) { (content) async throws in
            #expect(try await read(content, large) == large.bytes)
            try await giver.replace(small, by: small.bytes)
            try await giver.replace(large, by: large.bytes + [0])
        }
        let again = try await Subject.openFetching(meter: meter, offering: URLGiver.offers(of: [giver]))
        try await Subject.closing(again) { (content) async throws in
            let error = await failure(content, large)
            #expect(error?.code == .corrupt, "\(String(describing: error))")
        }
    }

    @Test(arguments: [("max_size", "64KiB", StorageError.Code.tooLarge), ("min_free", "900TiB", .quotaExceeded)])
    func noMoreIsFetchedThanMayBe(_ name: String, _ value: String, _ code: StorageError.Code) async throws {
        let giver = try await URLGiver()
        try await giver.store(large)
        let size = try #require(ByteCount(value))
        let state = state()
        let values: [String: FieldValue] = [name: .integer(Int64(size.bytes))]
        let content = try await Subject.openFetching(values, at: state, offering: URLGiver.offers(of: [giver]))
        try await Subject.closing(content) { (content) async throws in
            #expect(await failure(content, large)?.code == code)
            #expect(try remains(state).isEmpty)
        }
    }

    /// A server that gives bytes without end, whether it says how many or not, and whether others know: the disk keeps
    /// room.
    @Test(arguments: [nil, 1 << 20] as [UInt64?]) func whatHasNoEndIsEnded(_ most: UInt64?) async throws {
        let server = try SocketServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = Array("40000\r\n".utf8) + [UInt8](repeating: 1, count: 0x40000) + Array("\r\n".utf8)
            while connection.send(chunk) == chunk.count {}
        }
        let root = small.root
        let content = ObjectURL(server.url + "/car", of: "car")
        try await Disk.mounted(["-t", "tmpfs", "-o", "size=400m", "tmpfs"]) { disk in
            let fetching = try await Subject.openFetching(retries: 0, at: disk + "/state") { (_, _) in
                Offers([Offers.Copy(backend: "far", at: Location("car"), urls: [content], sha256: nil, most: most)])
            }
            try await Subject.closing(fetching) { (fetching) async throws in
                let error = await failure(fetching, small)
                #expect(error?.code == .tooLarge, "\(root): \(String(describing: error))")
                #expect(try remains(disk).isEmpty)
            }
        }
    }

    /// Where a server points elsewhere, nothing goes over another scheme, and no cookie anywhere.
    @Test func whatServersPointToIsAskedOverHTTPAlone() async throws {
        let (heads, others) = (Locked<[String]>([]), Locked(0))
        let other = try SocketServer { _ in others.change { $0 += 1 } }
        let archive = small
        let server = try SocketServer { connection in
            let head = connection.readHead()
            heads.change { $0.append(head) }
            let place = head.hasPrefix("GET /ftp") ? "ftp://127.0.0.1:\(other.port)/x" : "/whole"
            let cookie = "Set-Cookie: a=b; Path=/\r\nConnection: close\r\n"
            guard !head.hasPrefix("GET /whole") else {
                connection.send("HTTP/1.1 200 OK\r\n\(cookie)Content-Length: \(archive.bytes.count)\r\n\r\n")
                connection.send(archive.bytes)
                return
            }
            connection.send("HTTP/1.1 302 Found\r\n\(cookie)Location: \(place)\r\nContent-Length: 0\r\n\r\n")
        }
        for (path, isThere) in [("/ftp", false), ("/http", true), ("/http", true)] {
            let url = ObjectURL(server.url + path, of: "car")
            let fetching = try await Subject.openFetching(retries: 0) { (_, _) in
                Offers([Offers.Copy(backend: "far", at: Location("car"), urls: [url], sha256: nil)])
            }
            try await Subject.closing(fetching) { (fetching) async throws in
                let error = await failure(fetching, archive)
                #expect((error == nil) == isThere, "\(path): \(String(describing: error))")
            }
        }
        #expect(others.read { $0 } == 0)
        #expect(heads.read { $0.count } >= 5 && !heads.read { $0.contains { $0.contains("a=b") } })
    }

    /// A server that breaks off is asked again for the rest, and one that does not give it is not asked for ever.
    @Test(
        arguments: [
            ([FaultyProxy.Rule.cut(65_536).on("GET", times: 1...2)], nil),
            ([FaultyProxy.Rule.status(404).on("GET")], StorageError.Code.unavailable),
            ([FaultyProxy.Rule.status(403).on("GET")], .permissionDenied),
            ([FaultyProxy.Rule.status(401).on("GET")], .badCredentials),
            ([FaultyProxy.Rule.status(429).on("GET")], .rateLimited),
            ([FaultyProxy.Rule.status(503).on("GET")], .unavailable),
            ([FaultyProxy.Rule.shift.on("GET")], nil),
        ] as [([FaultyProxy.Rule], StorageError.Code?)]
    )
    func serversThatBreakAreTold(_ rules: [FaultyProxy.Rule], _ code: StorageError.Code?) async throws {
        let proxy = try await FaultyProxy.start(before: try await S3Server.running(.rclone).endpoint, [])
        let giver = try await URLGiver("giver", at: proxy.endpoint)
        let archive = SampleArchive(seed: 5, leaves: 6000)
        try await giver.store(archive)
        try await proxy.set(rules, for: "test")
        let state = state()
        let content = try await Subject.openFetching(retries: 1, at: state, offering: URLGiver.offers(of: [giver]))
        try await Subject.closing(content) { (content) async throws in
            if let code {
                let error = await failure(content, archive)
                #expect(error?.code == code && error?.backend == "giver", "\(String(describing: error))")
                #expect(error?.message.contains("Signature") != true)
            } else {
                #expect(try await read(content, archive) == archive.bytes)
            }
            #expect(try remains(state).isEmpty)
        }
    }

    /// A daemon that ends, or stands still, is replaced by another one, which goes on.
    @Test(arguments: [SIGKILL, SIGSTOP]) func aDaemonThatIsLostIsReplaced(_ signal: Int32) async throws {
        let proxy = try await FaultyProxy.start(before: try await S3Server.running(.rclone).endpoint, [])
        let giver = try await URLGiver("giver", at: proxy.endpoint)
        try await giver.store(large)
        try await proxy.set([FaultyProxy.Rule.pause(100_000).on("GET")], for: "test")
        let state = state()
        let content = try await Subject.openFetching(timeout: 2, at: state, offering: URLGiver.offers(of: [giver]))
        try await Subject.closing(content) { (content) async throws in
            let reading = Task { try await read(content, large) }
            #expect(try await holds { try await proxy.count("GET") > 0 })
            let first = try #require(daemons(state).first)
            kill(first, signal)
            try await proxy.clear("test")
            #expect(try await reading.value == large.bytes)
            #expect(!daemons(state).contains(first) && daemons(state).count == 1)
        }
        #expect(daemons(state).isEmpty)
    }

    /// Who is told to stop leaves nothing with the daemon, nor on the disk.
    @Test func whatIsStoppedLeavesNothing() async throws {
        let proxy = try await FaultyProxy.start(before: try await S3Server.running(.rclone).endpoint, [])
        let giver = try await URLGiver("giver", at: proxy.endpoint)
        try await giver.store(large)
        try await proxy.set([FaultyProxy.Rule.pause(100_000).on("GET")], for: "test")
        let state = state()
        let content = try await Subject.openFetching(at: state, offering: URLGiver.offers(of: [giver]))
        try await Subject.closing(content) { (content) async throws in
            let reading = Task { await failure(content, large) }
            #expect(try await holds { try await proxy.count("GET") > 0 })
            reading.cancel()
            #expect(await reading.value?.code == .cancelled)
            #expect(try await content.probe().contains("with 0 downloads"))
            #expect(try remains(state).isEmpty)
        }
    }

    /// What a process left that was killed is removed by the next one, with the daemon that still works there.
    @Test func whatAKilledProcessLeftIsRemoved() async throws {
        try Requirement.check("aria2", program: "aria2c")
        let state = state()
        let left = state + "/ipfs-kit-run-0123456789abcdef"
        try makeDirectory(left + "/fedcba9876543210")
        try write([1, 2, 3], to: left + "/fedcba9876543210/car")
        let word = "--conf-path=\(left)/.aria2.conf"
        let lost = try ChildProcess(["sh", "-c", "read line; exit", word]) { _ in true }
        #expect(try await holds { daemons(left) == [lost.identifier] })
        let content = try await Subject.openFetching(at: state)
        try await Subject.closing(content) { (content) async throws in
            _ = try await content.probe()
            #expect(!FileManager.default.fileExists(atPath: left))
            #expect(try await holds { daemons(left).isEmpty })
        }
    }

    /// Several who want one thing fetch it once.
    @Test func whatSeveralWantIsFetchedOnce() async throws {
        let giver = try await URLGiver()
        try await giver.store(large)
        let meter = Meter()
        let content = try await Subject.openFetching(meter: meter, offering: URLGiver.offers(of: [giver]))
        try await Subject.closing(content) { (content) async throws in
            let bytes = await withTaskGroup(of: [UInt8]?.self) { group in
                for _ in 0..<6 { group.addTask { try? await read(content, large) } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(bytes == Array(repeating: large.bytes, count: 6))
            #expect(meter.counts.gets == 1)
        }
    }

    /// A CAR in shards comes shard by shard.
    @Test func shardsAreFetchedOneAfterAnother() async throws {
        let giver = try await URLGiver()
        let memory = MemoryService(limits: Limits(largestObject: 200_000))
        guard case .stored(let location, _) = try await CARArchive(memory).store(large.upload) else { return }
        #expect(location.shards.count > 3)
        for shard in location.shards {
            let bytes = try await collect(memory.read(try name(shard.name)), limit: 1 << 20)
            _ = try await giver.content.objects?.put(try name(shard.name), Body(bytes))
        }
        let end = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000) + 600_000)
        let urls = try await giver.content.urls(of: large.root, at: location, until: end)
        let content = try await Subject.openFetching { (_, _) in
            Offers([Offers.Copy(backend: "giver", at: location, urls: urls, sha256: digest(.sha256, of: large.bytes))])
        }
        try await Subject.closing(content) { (content) async throws in
            #expect(try await read(content, large) == large.bytes)
            let range: Range<UInt64> = 90_000..<250_000
            let part = try await collect(content.read(large.root, at: nil, range).stream, limit: 1 << 20)
            #expect(part == Array(large.bytes[90_000..<250_000]))
        }
    }
}
