import Digests
import HTTPClient
import Schema
import Storage
import Testing

@testable import Services

struct S3UploadTests {
    private static let part = 5 << 20
    private static let body = Body([UInt8](repeating: 7, count: part + 10))
    private static let first = digest(.md5, of: [UInt8](repeating: 7, count: part))
    private static let last = digest(.md5, of: [UInt8](repeating: 7, count: 10))
    private static let whole = hex(digest(.md5, of: first + last)) + "-2"
    private static let proof = ObjectDigest.md5OfParts(digest(.md5, of: first + last), parts: 2)

    /// A service that takes parts; `complete` is its answer to the last request, `pending` what it lists in the
    /// beginning.
    private func server(
        pending: String = "",
        parts: String = "",
        head: HTTPReply = reply(404),
        complete: HTTPReply
    ) -> ScriptedServer {
        ScriptedServer { (request, _) in
            switch request.method {
            case "GET" where request.url.contains("uploads="):
                reply(200, [:], "<ListMultipartUploadsResult>\(pending)</ListMultipartUploadsResult>")
            case "GET": reply(200, [:], "<ListPartsResult>\(parts)</ListPartsResult>")
            case "POST" where request.url.contains("uploads="):
                reply(
                    200,
                    [:],
                    "<InitiateMultipartUploadResult><UploadId>U/1</UploadId></InitiateMultipartUploadResult>"
                )
            case "POST": complete
            case "PUT":
                reply(200, ["ETag": "\"\(hex(request.url.contains("partNumber=1&") ? Self.first : Self.last))\""])
            case "HEAD": request.url.hasSuffix("/bkt") ? reply(200) : head
            default: reply(204)
            }
        }
    }

    private func done(_ etag: String) -> HTTPReply {
        reply(
            200,
            [:],
            "  \n<CompleteMultipartUploadResult><ETag>&quot;\(etag)&quot;</ETag></CompleteMultipartUploadResult>"
        )
    }

    private func put(_ server: ScriptedServer) async throws -> PutReceipt {
        try await server.service().put(name("x"), Self.body)
    }

    private static func head(_ length: Int) -> HTTPReply {
        reply(200, ["ETag": "\"\(whole)\"", "Content-Length": String(length)])
    }

    /// Whoever computed the digest of the whole from those of the parts may have lost one since.
    @Test func aPartThatWasLostIsSeen() async throws {
        #expect(try await put(server(head: Self.head(Self.part), complete: done(Self.whole))).proof == nil)
        #expect(try await put(server(complete: done(Self.whole))).proof == nil)
    }

    @Test func partsAreSentAndProven() async throws {
        let server = server(head: Self.head(Self.part + 10), complete: done(Self.whole))
        #expect(try await put(server).proof == Self.proof)
        #expect(server.lines.contains("PUT http://s3.test/bkt/x?partNumber=2&uploadId=U%2F1"))
        #expect(!server.lines.contains { $0.hasPrefix("DELETE") })
    }

    @Test func partsThatAreThereAreKept() async throws {
        let pending =
            "<Upload><Key>x.other</Key><UploadId>no</UploadId></Upload><Upload><Key>x</Key><UploadId>old</UploadId></Upload>"
        let parts =
            "<Part><PartNumber>1</PartNumber><Size>\(Self.part)</Size><ETag>\(hex(Self.first))</ETag></Part>"
            + "<Part><PartNumber>2</PartNumber><Size>10</Size><ETag>\(hex(Self.first))</ETag></Part>"
        let server = server(pending: pending, parts: parts, complete: done(Self.whole))
        // What a list says of a part proves nothing of the bytes that are there now.
        #expect(try await put(server).proof == nil)
        #expect(server.lines.filter { $0.hasPrefix("PUT") } == ["PUT http://s3.test/bkt/x?partNumber=2&uploadId=old"])
    }

    /// Whoever sent them may have had to say their digests: then the service repeats what it was told.
    @Test func whatOthersSentAloneProvesNothing() async throws {
        let parts = [(Self.part, Self.first), (10, Self.last)].enumerated().map { index, part in
            "<Part><PartNumber>\(index + 1)</PartNumber><Size>\(part.0)</Size><ETag>\(hex(part.1))</ETag></Part>"
        }
        let pending = "<Upload><Key>x</Key><UploadId>old</UploadId></Upload>"
        let server = server(pending: pending, parts: parts.joined(), complete: done(Self.whole))
        #expect(try await put(server).proof == nil)
        #expect(!server.lines.contains { $0.hasPrefix("PUT") })
    }

    @Test func anErrorInsideSuccessIsAnError() async throws {
        let server = server(complete: reply(200, [:], fault("InternalError")))
        #expect(await failure { try await put(server) }?.code == .unavailable)
        // It may be tried again, so the parts stay.
        #expect(!server.lines.contains { $0.hasPrefix("DELETE") })
    }

    @Test func whatCannotSucceedIsTakenAway() async throws {
        let server = server(complete: reply(403, [:], fault("AccessDenied")))
        #expect(await failure { try await put(server) }?.code == .permissionDenied)
        #expect(server.lines.last == "DELETE http://s3.test/bkt/x?uploadId=U%2F1")
    }

    /// Parts that stay on the service are something that somebody has to look after.
    @Test(arguments: [("AccessDenied", false), ("InternalError", true), ("SlowDown", true)])
    func anUploadThatLeavesPartsSaysSo(_ word: String, _ leaves: Bool) async throws {
        let server = server(complete: reply(word == "AccessDenied" ? 403 : 503, [:], fault(word)))
        #expect(await failure { try await put(server) }?.mayHaveHappened == leaves)
    }

    @Test func onlyUploadsOfTheNameAreCleared() async throws {
        let pending = ["x", "x.other", "x", "y"].enumerated().map {
            "<Upload><Key>\($1)</Key><UploadId>u\($0)</UploadId></Upload>"
        }
        let server = server(pending: pending.joined(), complete: reply(500))
        let service = try server.service()
        try await service.clear(name("x"), mayResume: true)
        #expect(server.requests.isEmpty)
        // The list shows them for ever, and each is taken away once.
        try await service.clear(name("x"), mayResume: false)
        let removed = server.lines.filter { $0.hasPrefix("DELETE") }
        #expect(removed == ["u0", "u2"].map { "DELETE http://s3.test/bkt/x?uploadId=\($0)" })
        #expect(server.requests.count == 4)
    }

    @Test func aServiceThatDoesNotLetGoSaysSo() async throws {
        let server = ScriptedServer { (request, _) in
            request.method == "GET"
                ? reply(200, [:], "<L><Upload><Key>x</Key><UploadId>u</UploadId></Upload></L>")
                : reply(403, [:], fault("AccessDenied"))
        }
        let service = try server.service()
        #expect(await failure { try await service.clear(name("x"), mayResume: false) }?.code == .permissionDenied)
    }

    @Test(arguments: [true, false]) func aLostUploadMayBeDone(_ isThere: Bool) async throws {
        let head = reply(200, ["Content-Length": "\(Self.part + 10)", "ETag": isThere ? Self.whole : hex(Self.first)])
        let server = server(head: head, complete: reply(404, [:], fault("NoSuchUpload")))
        if isThere {
            #expect(try await put(server).proof == Self.proof)
        } else {
            #expect(await failure { try await put(server) }?.retry == .later)
        }
    }

    @Test func anotherDigestOfTheWholeProvesNothing() async throws {
        #expect(try await put(server(complete: done("\(hex(Self.first))-2"))).proof == nil)
    }
}
