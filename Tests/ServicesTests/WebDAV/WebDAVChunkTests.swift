import Foundation
import Samples
import Schema
import Storage
import TestKit
import Testing

/// Uploads in chunks, as Nextcloud takes them: what is sent, what is sent again, and what is left.
@Suite(.inTurn, .timeLimit(.minutes(5))) struct WebDAVChunkTests {
    /// Three chunks, the last of one byte.
    private let bytes = sampleBytes(2 * (5 << 20) + 1)
    private let chunks = ["/00001", "/00002", "/00003"]

    private func open(
        _ rules: [FaultyProxy.Rule] = [],
        retries: Int = 3
    ) async throws -> (objects: any StorageService, proxy: FaultyProxy) {
        let server = try await WebDAVServer.running(.nextcloud)
        let proxy = try await FaultyProxy.start(before: server.endpoint, rules)
        var settings = Subject.settings(of: server, at: proxy.endpoint, try await server.newFolder())
        // One after another, so that a test knows what came before the one that fails.
        settings["upload_concurrency"] = .integer(1)
        let content = try await Subject.open("webdav", settings, retries: retries)
        return (try #require(content.objects), proxy)
    }

    private func name(_ text: String) throws -> ObjectName { try #require(ObjectName(text)) }

    private func store(_ bytes: [UInt8], in service: any StorageService) async throws -> StorageError? {
        let name = try name("place/a")
        do throws(StorageError) {
            _ = try await service.put(name, Body(bytes))
            return nil
        } catch {
            return error
        }
    }

    private func read(_ service: any StorageService) async throws -> [UInt8] {
        try await collect(service.read(name("place/a")), limit: 64 << 20)
    }

    /// What was sent to the place of uploads, without the name of the upload and the path before it.
    private func uploads(_ proxy: FaultyProxy) async throws -> [String] {
        try await proxy.requests().filter { $0.contains("/uploads/") }.map { line in
            let words = line.split(separator: " ")
            return "\(words[0]) \(words[1].split(separator: "/", omittingEmptySubsequences: false).last ?? "")"
        }
    }

    @Test func whatIsLongGoesInChunksAndLeavesNone() async throws {
        let (service, proxy) = try await open()
        #expect(try await store(bytes, in: service) == nil)
        let sent = try await uploads(proxy)
        #expect(sent.filter { $0.hasPrefix("PUT") }.sorted() == ["PUT 00001", "PUT 00002", "PUT 00003"])
        #expect(sent.filter { !$0.hasPrefix("PUT") } == ["PROPFIND ", "MKCOL ", "MOVE .file"])
        #expect(try await proxy.bodyBytes() >= UInt64(bytes.count))
        #expect(try await read(service) == bytes)
        // What is short goes at once, and what has the name is replaced.
        #expect(try await store([1, 2, 3], in: service) == nil)
        #expect(try await uploads(proxy) == sent)
        #expect(try await read(service) == [1, 2, 3])
        #expect(try await store(bytes, in: service) == nil)
        #expect(try await read(service) == bytes)
    }

    @Test func aChunkThatFailsIsSentAgainAndNoOther() async throws {
        let (service, proxy) = try await open([.status(503).on("PUT", path: "/00002", times: 1...2)])
        #expect(try await store(bytes, in: service) == nil)
        for chunk in chunks { #expect(try await proxy.count("PUT", path: chunk) == (chunk == "/00002" ? 3 : 1)) }
        #expect(try await read(service) == bytes)
    }

    /// What is there already is not sent again; what other bytes of that name left is not taken for theirs.
    @Test func anUploadThatWasStoppedGoesOn() async throws {
        let (service, proxy) = try await open([.status(503).on("PUT", path: "/00003", times: 1...2)], retries: 0)
        let error = try await store(bytes, in: service)
        #expect(error?.code == .unavailable && error?.mayHaveHappened == true)
        var others = bytes
        others[1000] ^= 1
        #expect(try await store(others, in: service)?.code == .unavailable)
        #expect(try await store(bytes, in: service) == nil)
        #expect(try await read(service) == bytes)
        let sent = try await proxy.requests().filter { $0.hasPrefix("PUT ") && $0.contains("/00001") }
        #expect(sent.count == 2 && Set(sent).count == 2)
        #expect(try await store(others, in: service) == nil)
        #expect(try await read(service) == others)
        #expect(try await proxy.count("PUT", path: "/00001") == 2)
    }

    /// A chunk of another length is not ours, or was not written to its end.
    @Test func aChunkThatIsNotWholeIsSentAgain() async throws {
        let (service, proxy) = try await open([.status(503).on("PUT", path: "/00003", times: 1...1)], retries: 0)
        #expect(try await store(bytes, in: service)?.code == .unavailable)
        let line = try #require(try await proxy.requests().first { $0.hasPrefix("MKCOL ") && $0.contains("/uploads/") })
        let id = try #require(line.split(separator: "/").last)
        let server = try await WebDAVServer.running(.nextcloud)
        try write(Array(bytes.prefix(1000)), to: "\(server.data)/../uploads/\(id)/00001")
        #expect(try await store(bytes, in: service) == nil)
        #expect(try await read(service) == bytes)
        #expect(try await proxy.count("PUT", path: "/00001") == 2)
        #expect(try await proxy.count("PUT", path: "/00002") == 1)
    }

    /// What can never succeed is taken away; a file that was put together is not left beside.
    @Test(arguments: [("PUT", "/00002", 403), ("PUT", "/00002", 507), ("MOVE", "/.file", 403), ("MOVE", "/.a.", 403)])
    func whatIsRefusedLeavesNothing(_ method: String, _ path: String, _ status: Int) async throws {
        let (service, proxy) = try await open([.status(status).on(method, path: path)])
        let error = try await store(bytes, in: service)
        #expect(error?.code == (status == 507 ? .quotaExceeded : .permissionDenied) && error?.mayHaveHappened == false)
        #expect(try await uploads(proxy).last == "DELETE ")
        for try await page in service.list("") { #expect(page.isEmpty) }
        let before = try await proxy.count("DELETE")
        try await service.clear(name("place/a"), mayResume: false)
        #expect(try await proxy.count("DELETE") == before)
    }

    /// Whichever answer is lost, it is done once.
    @Test(arguments: [("MKCOL", "/uploads/"), ("PUT", "/00002"), ("MOVE", "/.file"), ("MOVE", "/.a.")])
    func aLostAnswerCostsNoSecondUpload(_ method: String, _ path: String) async throws {
        let (service, proxy) = try await open([.drop.on(method, path: path, times: 1...1)])
        #expect(try await store(bytes, in: service) == nil)
        #expect(try await read(service) == bytes)
        for chunk in chunks {
            let count = try await proxy.count("PUT", path: chunk)
            #expect(count == (path == chunk ? 2 : 1), "\(chunk)")
        }
    }

    /// A server forgets uploads of which it hears nothing: they begin anew.
    @Test(arguments: [("PUT", "/00002"), ("MOVE", "/.file")])
    func anUploadThatTheServerForgotBeginsAnew(_ method: String, _ path: String) async throws {
        let (service, proxy) = try await open([.status(404).on(method, path: path, times: 1...1)])
        #expect(try await store(bytes, in: service) == nil)
        #expect(try await proxy.count("MKCOL", path: "/uploads/") == 1)
        #expect(try await read(service) == bytes)
    }

    /// A chunk that was only praised is missed when the whole is put together, and replaces nothing.
    @Test func aChunkThatIsOnlyPraisedReplacesNothing() async throws {
        let (service, _) = try await open([.status(201).on("PUT", path: "/00003", times: 1...1)])
        #expect(try await store([1, 2, 3], in: service) == nil)
        #expect(try await store(bytes, in: service) != nil)
        #expect(try await read(service) == [1, 2, 3])
        #expect(try await store(bytes, in: service) == nil)
        #expect(try await read(service) == bytes)
    }

    /// A whole that is only praised is none.
    @Test func aMoveThatIsOnlyPraisedReplacesNothing() async throws {
        let (service, _) = try await open([.status(201).on("MOVE", path: "/.file")], retries: 1)
        #expect(try await store([1, 2, 3], in: service) == nil)
        #expect(try await store(bytes, in: service) != nil)
        #expect(try await read(service) == [1, 2, 3])
    }
}
