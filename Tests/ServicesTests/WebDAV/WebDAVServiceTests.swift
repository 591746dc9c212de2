import Samples
import Storage
import TestKit
import Testing

/// What a WebDAV server refuses, and what it would take away.
@Suite(.inTurn, .timeLimit(.minutes(5))) struct WebDAVServiceTests {
    private let bytes = sampleBytes(3000)

    private func open(
        _ rules: [FaultyProxy.Rule],
        retries: Int = 0
    ) async throws -> (objects: any StorageService, proxy: FaultyProxy) {
        try await Subject.webdavOverRclone.openBehind(rules, retries: retries)
    }

    private func name(_ text: String) throws -> ObjectName { try #require(ObjectName(text)) }

    private func failure(_ work: () async throws(StorageError) -> Void) async -> StorageError? {
        do throws(StorageError) {
            try await work()
            return nil
        } catch {
            return error
        }
    }

    private func store(_ name: ObjectName, in service: any StorageService, _ bytes: [UInt8]) async -> StorageError? {
        await failure { () async throws(StorageError) in _ = try await service.put(name, Body(bytes)) }
    }

    private static let refusals: [(status: Int, body: String, code: StorageError.Code, retry: StorageError.Retry)] = [
        (401, "", .badCredentials, .never), (403, "", .permissionDenied, .never), (405, "", .unsupported, .never),
        (413, "", .tooLarge, .never), (423, "", .unavailable, .later), (429, "", .rateLimited, .later),
        (507, "", .quotaExceeded, .never), (502, "", .unavailable, .later),
        (403, "<d:error xmlns:d=\"DAV:\"><d:quota-not-exceeded/></d:error>", .quotaExceeded, .never),
        (
            503,
            "<d:error xmlns:d=\"DAV:\"><s:exception xmlns:s=\"s\">Sabre\\DAV\\Exception\\ServiceUnavailable"
                + "</s:exception></d:error>",
            .unavailable, .later
        ),
    ]

    /// Whichever request of an upload is refused, the error says the same, and nothing is left.
    @Test(arguments: ["PUT", "MOVE"], refusals.indices)
    func whatTheServerRefusesIsSaidAndLeavesNothing(_ method: String, _ index: Int) async throws {
        let refusal = Self.refusals[index]
        let (service, _) = try await open([.status(refusal.status, body: refusal.body).on(method)])
        let error = try await store(name("place/a"), in: service, bytes)
        #expect(error?.code == refusal.code && error?.retry == refusal.retry, "\(String(describing: error))")
        try await expectHidden(service, nothingAt: name("place/a"))
    }

    /// Nothing is listed, and nothing is left that `clear` would have to remove.
    private func expectHidden(_ service: any StorageService, nothingAt name: ObjectName) async throws {
        for try await page in service.list("") { #expect(page.isEmpty) }
        let error = await failure { () async throws(StorageError) in _ = try await service.stat(name) }
        #expect(error?.code == .notFound)
    }

    @Test func aFailedUploadRemovesWhatItWrote() async throws {
        let (service, proxy) = try await open([.status(403).on("MOVE")])
        _ = try await store(name("place/a"), in: service, bytes)
        #expect(try await proxy.count("DELETE", path: "/place/.a.") == 1)
        let before = try await proxy.count("DELETE")
        try await service.clear(try name("place/a"), mayResume: false)
        #expect(try await proxy.count("DELETE") == before)
    }

    /// What cannot be removed is told of: somebody has to look again.
    @Test func whatStaysBehindIsToldOf() async throws {
        let (service, proxy) = try await open([.status(403).on("MOVE"), .status(423).on("DELETE", times: 1...1)])
        let error = try await store(name("a"), in: service, bytes)
        #expect(error?.mayHaveHappened == true)
        try await service.clear(try name("a"), mayResume: false)
        #expect(try await proxy.count("DELETE", path: "/.a.") == 2)
    }

    /// Servers remove a folder with all that is in it, by whatever name and request it is replaced or removed.
    @Test func aFolderIsNeitherReplacedNorRemoved() async throws {
        let (service, proxy) = try await open([])
        let (folder, inner) = (try name("a/place"), try name("a/place/object"))
        _ = try await service.put(inner, Body(bytes))
        #expect(await store(folder, in: service, [1])?.code == .exists)
        try await service.delete(folder)
        try await service.clear(inner, mayResume: false)
        #expect(try await collect(service.read(inner), limit: 1 << 20) == bytes)
        #expect(try await proxy.requests().allSatisfy { !$0.hasPrefix("DELETE ") || $0.contains("/.place.") })
    }

    /// A server may have removed the old one before it failed to name the new one, or be at it still: that one stays.
    @Test func aReplacementThatFailsLeavesTheNewBytes() async throws {
        let (service, proxy) = try await open([.status(500).on("MOVE", times: 3...3)])
        let object = try name("place/a")
        _ = try await service.put(object, Body(bytes))
        #expect(await store(object, in: service, sampleBytes(2000))?.mayHaveHappened == true)
        #expect(try await proxy.count("DELETE") == 0)
        // Whoever stores it again leaves nothing beside it.
        _ = try await service.put(object, Body(bytes))
        try await service.clear(object, mayResume: false)
        #expect(try await proxy.count("DELETE", path: "/place/.a.") == 1)
    }

    /// That a folder is not there, a list of what is above it says, and not one answer about itself.
    @Test(arguments: [400, 404, 409, 410]) func oneAnswerTakesNoFolderAway(_ status: Int) async throws {
        let (service, proxy) = try await open([])
        _ = try await service.put(try name("place/a"), Body(bytes))
        for path in ["/place/", ""] {
            try await proxy.set([.status(status).on("PROPFIND", path: path, times: 1...1)], for: "once")
            let error = await failure { () async throws(StorageError) in for try await _ in service.list("") {} }
            #expect(error?.code == .unavailable, "\(path)")
        }
    }

    /// What was praised and is not there replaces nothing.
    @Test(arguments: [200, 201, 204]) func anUploadThatIsOnlyPraisedReplacesNothing(_ status: Int) async throws {
        let (service, proxy) = try await open([.status(status).on("PUT", times: 2...2)])
        let object = try name("a")
        _ = try await service.put(object, Body(bytes))
        #expect(await store(object, in: service, [1]) != nil)
        #expect(try await proxy.count("MOVE") == 1)
        #expect(try await collect(service.read(object), limit: 1 << 20) == bytes)
    }

    /// An answer to a move that is none of a server's is no success.
    @Test(arguments: [200, 202, 207]) func aMoveThatIsOnlyPraisedIsNone(_ status: Int) async throws {
        let (service, _) = try await open([.status(status).on("MOVE")])
        #expect(try await store(name("a"), in: service, bytes)?.mayHaveHappened == true)
    }

    @Test func aFolderThatIsMissingIsNeverMade() async throws {
        let (service, proxy) = try await open([.status(404).on("PROPFIND"), .status(409).on("PUT")])
        #expect(try await store(name("a"), in: service, bytes)?.code == .unavailable)
        #expect(try await store(name("b/c"), in: service, bytes)?.code == .unavailable)
        #expect(try await proxy.count("MKCOL") == 0)
    }

    /// A folder that is known, and that somebody removed, is made again.
    @Test func aFolderThatWentAwayIsMadeAgain() async throws {
        let (service, proxy) = try await open([.status(409).on("PUT", times: 2...2)])
        for text in ["place/a", "place/b"] { _ = try await service.put(try name(text), Body(bytes)) }
        #expect(try await proxy.count("PUT") == 3)
        #expect(try await proxy.requests().count { $0.hasPrefix("PROPFIND ") && $0.hasSuffix("/place/") } == 2)
    }
}
